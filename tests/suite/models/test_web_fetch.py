import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.files import cached_path, fetch_file, is_cached
from loadscope.suite.fetch.store import stamp_path
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import WebSource

CONTENT = bytes(range(256)) * 12288  # 3 MiB: more than one chunk
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 2 << 20
PROCESS = Path(__file__).with_name("fetch_process.py")


@pytest.fixture
def serve(server):
    server.content = CONTENT
    server.etag = '"first"'
    return server


@pytest.fixture
def fetch(serve, tmp_path, progress):
    """Fetch the served file into ``tmp_path``."""

    def run(checksum=Checksum(SHA256), verify=False, mend=""):  # noqa: B008 (frozen)
        return fetch_file(
            WebSource(serve.url()), checksum, tmp_path, progress, mend=mend, verify=verify
        )

    return run


def leftovers(folder):
    return [path.name for path in folder.rglob("*") if path.name.endswith((".part", ".part.json"))]


def test_a_file_is_fetched_whole_and_then_taken_from_the_cache(serve, fetch, tmp_path):
    first = fetch()
    assert first.path.read_bytes() == CONTENT
    assert first.sha256 == SHA256
    assert fetch() == first
    assert len(serve.requests) == 1
    assert leftovers(tmp_path) == []


def test_progress_counts_megabytes_to_the_end(fetch, stages):
    fetch()
    told = [(done, total) for what, done, total in stages if what == "fetch weights.bin (MB)"]
    assert told[-1] == (4, 4)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told.count((4, 4)) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(serve, fetch):
    serve.cuts = [HALF]
    assert fetch().path.read_bytes() == CONTENT
    assert [request.get("range") for request in serve.requests] == [None, f"bytes={HALF}-"]
    assert serve.requests[1]["if-range"] == '"first"'


def test_a_server_without_ranges_is_asked_for_the_whole_again(serve, fetch):
    serve.ranges = False
    serve.cuts = [HALF]
    assert fetch().path.read_bytes() == CONTENT
    assert len(serve.requests) == 2


def test_a_server_without_a_validator_is_asked_for_the_whole_again(serve, fetch):
    serve.etag = ""
    serve.cuts = [HALF]
    assert fetch().path.read_bytes() == CONTENT
    assert "range" not in serve.requests[1]


def test_a_file_that_changed_between_attempts_is_fetched_from_its_beginning(serve, fetch):
    serve.cuts = [HALF, 0, 0, 0]
    with pytest.raises(WorkError):
        fetch()
    other = CONTENT[::-1]
    serve.content, serve.etag, serve.cuts = other, '"second"', []
    fetched = fetch(Checksum(hashlib.sha256(other).hexdigest()))
    assert fetched.path.read_bytes() == other


def test_a_resumed_file_with_the_wrong_checksum_is_fetched_whole_once_more(serve, fetch):
    serve.cuts = [HALF, 0, 0, 0]
    with pytest.raises(WorkError):
        fetch()
    # The server lies: another file under the same ETag.
    other = CONTENT[::-1]
    serve.content, serve.cuts = other, []
    fetched = fetch(Checksum(hashlib.sha256(other).hexdigest()))
    assert fetched.path.read_bytes() == other


def test_a_passing_failure_of_the_server_is_got_over(serve, fetch):
    serve.statuses = [503, 429]
    assert fetch().sha256 == SHA256


def test_a_missing_file_names_address_reason_and_what_to_do(serve, fetch, tmp_path):
    serve.statuses = [404]
    with pytest.raises(WorkError) as caught:
        fetch()
    assert serve.url() in caught.value.message
    assert "HTTP 404 Not Found" in caught.value.message
    assert str(cached_path(WebSource(serve.url()), tmp_path)) in caught.value.fix
    assert len(serve.requests) == 1
    serve.statuses = [404]
    with pytest.raises(WorkError) as caught:
        fetch(mend="ask for it")
    assert caught.value.fix == "try again, or ask for it"


def test_a_server_that_keeps_failing_is_named_after_four_tries(tmp_path, server, stages, progress):
    server.statuses = [500] * 4
    with pytest.raises(WorkError, match="HTTP 500"):
        fetch_file(WebSource(server.url()), Checksum(SHA256), tmp_path, progress)
    assert len(server.requests) == 4
    assert any("trying again" in what for what, _, _ in stages)


def test_an_unreachable_server_is_said_in_a_line(tmp_path, server, progress):
    # Port 1 of the loopback: nothing listens there.
    with pytest.raises(InputError, match="the server cannot be reached"):
        fetch_file(WebSource("http://127.0.0.1:1/w.bin"), Checksum(SHA256), tmp_path, progress)


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(fetch, tmp_path):
    with pytest.raises(InputError) as caught:
        fetch(Checksum("0" * 64))
    assert SHA256 in caught.value.message
    assert "0" * 64 in caught.value.message
    assert not any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*"))


def test_a_published_prefix_is_checked(fetch):
    assert fetch(Checksum(prefix=SHA256[:8])).sha256 == SHA256
    with pytest.raises(InputError, match=r"expected sha256 01234567\.\.\. of the manifest"):
        fetch(Checksum(prefix="01234567"))


def test_without_a_published_checksum_the_first_one_holds(serve, fetch):
    first = fetch(Checksum())
    first.path.unlink()
    serve.content = CONTENT[::-1]
    with pytest.raises(InputError, match=f"expected sha256 {SHA256} of the first fetch") as caught:
        fetch(Checksum())
    assert str(stamp_path(first.path)) in caught.value.fix
    stamp_path(first.path).unlink()
    assert fetch(Checksum()).sha256 != SHA256


def test_a_changed_file_in_the_cache_is_fetched_again(serve, fetch):
    path = fetch().path
    path.write_bytes(b"x" + CONTENT[1:])
    assert fetch().path.read_bytes() == CONTENT
    assert len(serve.requests) == 2


def test_verify_finds_a_change_that_size_and_time_hide(serve, fetch):
    path = fetch().path
    status = path.stat()
    path.write_bytes(b"x" + CONTENT[1:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fetch().path.read_bytes() != CONTENT
    assert fetch(verify=True).path.read_bytes() == CONTENT
    assert len(serve.requests) == 2


def test_a_touched_file_with_the_right_contents_is_kept(serve, fetch):
    os.utime(fetch().path, ns=(1, 1))
    fetch()
    assert len(serve.requests) == 1


def test_a_file_placed_by_hand_is_taken(serve, fetch, tmp_path):
    path = cached_path(WebSource(serve.url()), tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch().path == path
    assert serve.requests == []


def test_what_is_cached_is_told_without_reading_it(serve, fetch, tmp_path):
    source = WebSource(serve.url())
    assert not is_cached(source, Checksum(SHA256), tmp_path)
    fetch()
    assert is_cached(source, Checksum(SHA256), tmp_path)
    assert not is_cached(source, Checksum("0" * 64), tmp_path)


def test_addresses_that_differ_in_their_query_are_different_files(tmp_path):
    plain = cached_path(WebSource("https://example.org/w.bin"), tmp_path)
    asked = cached_path(WebSource("https://example.org/w.bin?download=1"), tmp_path)
    assert plain != asked
    assert plain.is_relative_to(tmp_path)
    assert asked.is_relative_to(tmp_path)


def test_a_file_larger_than_the_disk_is_refused_before_it_is_fetched(fetch, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(WorkError, match=r"no space .* 3 MB to fetch, 1 MB free"):
        fetch()


def test_a_cache_that_cannot_be_written_is_an_error(serve, progress):
    with pytest.raises(WorkError, match="cannot write /proc/none"):
        fetch_file(WebSource(serve.url()), Checksum(SHA256), Path("/proc/none"), progress)


def test_two_processes_at_once_fetch_once(serve, tmp_path):
    serve.delay = 1.0
    command = [sys.executable, PROCESS, serve.url(), SHA256, tmp_path]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1]
    assert Path(said[0].strip()).read_bytes() == CONTENT
    assert len(serve.requests) == 1


def test_a_killed_fetch_is_resumed_by_the_next(serve, fetch, tmp_path):
    serve.hold_after = HALF
    process = subprocess.Popen([sys.executable, PROCESS, serve.url(), SHA256, tmp_path])
    target = cached_path(WebSource(serve.url()), tmp_path)
    part = target.with_name(f".{target.name}.part")
    deadline = time.monotonic() + 60
    while not part.exists() or part.stat().st_size < HALF:
        assert time.monotonic() < deadline, "the fetch did not get to its half"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    serve.release.set()
    assert not target.exists()
    assert fetch().path.read_bytes() == CONTENT
    assert serve.requests[-1]["range"] == f"bytes={HALF}-"


def test_a_thread_that_waits_says_so(serve, fetch, stages):
    serve.hold_after = HALF
    first = threading.Thread(target=fetch)
    first.start()
    while not serve.requests:
        time.sleep(0.01)
    second = threading.Thread(target=fetch)
    second.start()
    while not any("wait for another process" in what for what, _, _ in stages):
        time.sleep(0.01)
    serve.release.set()
    first.join()
    second.join()
    assert len(serve.requests) == 1
