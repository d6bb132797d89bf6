import hashlib
import tracemalloc

import pytest

from loadscope.submission.package.truncate import keep_whole, sha256, truncated


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 20_000])
def test_both_ends_are_kept(tmp_path, size):
    content = bytes(number % 251 for number in range(size))
    log, target = tmp_path / "log", tmp_path / "short"
    log.write_bytes(content)
    truncated(log, target)
    expected = content[:4096] + b"\n\n...\n\n" + content[-4096:] if size >= 4096 else content
    assert target.read_bytes() == expected
    assert sha256(log) == hashlib.sha256(content).hexdigest()


def test_memory_does_not_grow_with_the_log(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.write(b"[\n")
        file.truncate(300 * 2**20)
    tracemalloc.start()
    sha256(log)
    truncated(log, tmp_path / "short")
    keep_whole(log, tmp_path / "beside" / "log")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 2**20
    assert (tmp_path / "short").stat().st_size == 8199
    assert (tmp_path / "beside" / "log").stat().st_size == 300 * 2**20
