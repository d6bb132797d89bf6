from mmap import mmap
from pathlib import Path

import pytest

from loadscope.memory import available_memory, memory_limit, used_memory


@pytest.mark.parametrize(
    ("content", "limit"), [("1048576\n", 1048576), ("max\n", None), (None, None)]
)
def test_a_containers_limit_counts_where_it_has_one(
    tmp_path: Path, content: str | None, limit: int | None
) -> None:
    file = tmp_path / "memory.max"
    if content is not None:
        file.write_text(content)
    machine = memory_limit(tmp_path / "missing")
    assert machine > 2**27
    assert memory_limit(file) == (limit or machine)


def test_what_a_process_uses_grows_with_what_it_holds() -> None:
    # Pages of its own: an allocator may give what an earlier test freed, and then nothing grows.
    with mmap(-1, 2**26) as held:
        before = used_memory()
        held.write(bytes(2**26))
        assert used_memory() - before > 2**25


@pytest.mark.parametrize(
    ("machine", "limit", "current", "free"),
    [
        ("MemTotal: 9 kB\nMemAvailable: 8192 kB\n", None, None, 8 << 20),
        ("MemAvailable: 8192 kB\n", "max\n", "5\n", 8 << 20),
        ("MemAvailable: 8192 kB\n", str(6 << 20), str(4 << 20), 2 << 20),
        ("MemAvailable: 8192 kB\n", str(6 << 20), str(7 << 20), 0),
        ("MemFree: 8192 kB\n", str(6 << 20), None, 6 << 20),
    ],
)
def test_free_memory_is_the_machines_or_what_the_container_has_left(
    tmp_path: Path, machine: str, limit: str | None, current: str | None, free: int
) -> None:
    (tmp_path / "meminfo").write_text(machine)
    for name, content in (("max", limit), ("current", current)):
        if content is not None:
            (tmp_path / f"memory.{name}").write_text(content)
    assert available_memory(tmp_path / "meminfo", tmp_path) == free


def test_this_machine_tells_its_free_memory() -> None:
    assert 2**24 < available_memory() <= memory_limit()
