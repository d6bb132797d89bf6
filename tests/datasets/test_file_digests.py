import hashlib
import os
import time
from pathlib import Path

import pytest

from loadscope.datasets.cache.file_digests import file_digests
from loadscope.errors import InputError


class Calls:
    """Counts the files that were read, as progress tells it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self.seen.append((what, done, total))


def old_file(path: Path, content: bytes) -> None:
    """Write a file whose time stamp is old enough for its digest to be remembered."""
    path.write_bytes(content)
    hour_ago = time.time_ns() - 3600 * 10**9
    os.utime(path, ns=(hour_ago, hour_ago))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(40):
        old_file(folder / f"{number}.bin", b"%d" % number)
    return folder


NAMES = [f"{number}.bin" for number in range(40)]
DIGESTS = [sha256(b"%d" % number) for number in range(40)]


def test_digests_come_in_the_order_of_the_names(files: Path) -> None:
    assert file_digests(files, NAMES[::-1]) == DIGESTS[::-1]


def test_unchanged_files_are_not_read_again(files: Path, tmp_path: Path) -> None:
    first, second = Calls(), Calls()
    file_digests(files, NAMES, tmp_path / "cache", first)
    assert first.seen[-1] == ("reading images", 40, 40)
    assert file_digests(files, NAMES, tmp_path / "cache", second) == DIGESTS
    assert second.seen == []


def test_only_a_changed_file_is_read_again(files: Path, tmp_path: Path) -> None:
    file_digests(files, NAMES, tmp_path / "cache")
    old_file(files / "3.bin", b"x")
    calls = Calls()
    digests = file_digests(files, NAMES, tmp_path / "cache", calls)
    assert digests[3] == sha256(b"x")
    assert calls.seen[0] == ("reading images", 39, 40)


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_read_again(
    files: Path, tmp_path: Path
) -> None:
    file_digests(files, NAMES, tmp_path / "cache")
    status = (files / "3.bin").stat()
    (files / "new.bin").write_bytes(b"x")
    os.utime(files / "new.bin", ns=(status.st_atime_ns, status.st_mtime_ns))
    (files / "new.bin").replace(files / "3.bin")
    assert file_digests(files, NAMES, tmp_path / "cache")[3] == sha256(b"x")


def test_a_file_changed_just_now_is_not_trusted_the_next_time(files: Path, tmp_path: Path) -> None:
    (files / "3.bin").write_bytes(b"3")
    status = (files / "3.bin").stat()
    file_digests(files, NAMES, tmp_path / "cache")
    (files / "3.bin").write_bytes(b"x")
    os.utime(files / "3.bin", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_digests(files, NAMES, tmp_path / "cache")[3] == sha256(b"x")


def test_a_part_of_the_files_does_not_make_the_rest_forgotten(files: Path, tmp_path: Path) -> None:
    file_digests(files, NAMES, tmp_path / "cache")
    (files / "0.bin").touch()
    file_digests(files, NAMES[:2], tmp_path / "cache")
    calls = Calls()
    file_digests(files, NAMES[1:], tmp_path / "cache", calls)
    assert calls.seen == []


def test_links_to_one_file_are_read_once(files: Path) -> None:
    names = [*NAMES]
    for number in range(1000):
        (files / f"link{number}.bin").symlink_to(files / NAMES[number % 2])
        names.append(f"link{number}.bin")
    calls = Calls()
    digests = file_digests(files, names, progress=calls)
    assert digests[40:] == DIGESTS[:2] * 500
    # 40 files in jobs of 16 are three steps; a thousand more files would be dozens.
    assert len(calls.seen) == 1 + 3


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"format": 1, "files": {"3.bin": 5}}', b'{"format": 9}'],
)
def test_a_damaged_memory_is_as_good_as_none(files: Path, tmp_path: Path, content: bytes) -> None:
    file_digests(files, NAMES, tmp_path / "cache")
    (memory,) = (tmp_path / "cache" / "digests").iterdir()
    memory.write_bytes(content)
    assert file_digests(files, NAMES, tmp_path / "cache") == DIGESTS


def test_what_was_read_before_an_interrupt_is_remembered(files: Path, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        file_digests(files, NAMES, tmp_path / "cache", interrupt)
    calls = Calls()
    assert file_digests(files, NAMES, tmp_path / "cache", calls) == DIGESTS
    assert calls.seen[0][1] >= 8


def test_a_missing_file_is_named(files: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.bin: No such file"):
        file_digests(files, ["0.bin", "none.bin"])
