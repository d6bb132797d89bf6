"""Folders of processes: removed at their end, or by the next one."""

import subprocess
import sys
import tempfile

import pytest

from loadscope.scratch import make_scratch, remove_orphans, remove_scratch, scratch

OWNER = """
import sys, time
from loadscope.scratch import make_scratch
folder = make_scratch("tried")
(folder / "kept").touch()
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_with_its_block_or_when_it_is_removed(temporary):
    with scratch("tried") as folder:
        (folder / "file").touch()
        assert folder.parent == temporary and folder.name.startswith("loadscope-tried-")
    made = make_scratch("tried")
    remove_scratch(made)
    assert not list(temporary.iterdir())


def test_the_next_one_removes_what_a_killed_process_left_and_nothing_else(temporary):
    own, other = make_scratch("tried"), make_scratch("other")
    foreign = temporary / "loadscope-tried-by-hand"
    foreign.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = process.stdout.readline().strip()
        remove_orphans("tried")
        kept = {str(path) for path in temporary.iterdir()}
        assert kept == {str(own), str(other), str(foreign), left}
        process.kill()
    with scratch("tried") as folder:
        kept = set(temporary.iterdir())
        assert kept == {own, other, foreign, folder}
    remove_scratch(own)
    remove_scratch(other)
