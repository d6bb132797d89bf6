from pathlib import Path

import pytest

from loadscope.memory import memory_limit, used_memory


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
    before = used_memory()
    held = bytearray(b"x") * 2**26
    assert used_memory() - before > 2**25
    assert len(held) == 2**26
