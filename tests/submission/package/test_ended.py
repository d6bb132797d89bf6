"""What an attempt leaves that could not be brought to its end."""

import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("ended_process.py")
RENAMES = 4  # of the checked tree, the whole logs, the traces, and the tree


@pytest.fixture
def traced(tmp_path):
    folder = tmp_path / "traced"
    (folder / "trace").mkdir(parents=True)
    (folder / "trace" / "layers.jsonl").write_text("{}\n")
    return folder


@pytest.mark.parametrize("renames", range(RENAMES))
def test_an_attempt_killed_between_its_renames_is_gone_on_from(
    submit, full, system_file, short_round, traced, work, tmp_path, renames
):
    done = subprocess.run(
        [
            sys.executable, SCRIPT, str(renames), work / "short.yaml", "submit", "--runs", full,
            "--division", "closed", "--submitter", "Acme", "--system", system_file(), "--output",
            tmp_path / "tree", "--traces", traced,
        ],
        timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "tree").exists()
    submit(full, "--traces", traced)
    names = {path.name for path in tmp_path.iterdir() if path.name.startswith("tree")}
    assert names == {"tree", "tree-full-logs", "tree-traces"}
    assert len(list((tmp_path / "tree-full-logs").rglob("*.json"))) == 6
    assert "already exists" in submit(full, status=2).stderr


def test_what_lies_beside_is_taken_for_no_attempts_own(submit, full, tmp_path):
    (tmp_path / "tree.partial").mkdir()
    kept = tmp_path / "tree-full-logs" / "kept.json"
    kept.parent.mkdir()
    kept.write_text("[]")
    assert "tree-full-logs already exists" in submit(full, status=2).stderr
    assert kept.exists()


def test_a_link_in_place_of_the_tree_is_not_followed(submit, full, tmp_path):
    (tmp_path / "tree").symlink_to(tmp_path / "nowhere")
    assert "tree already exists" in submit(full, status=2).stderr


def test_a_tree_that_cannot_be_written_whole_is_no_tree(submit, full, tmp_path):
    # Files of more than this cannot be written, as if the disk were full.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        stderr = submit(full, status=1).stderr
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot write" in stderr and "File too large" in stderr
    assert not (tmp_path / "tree").exists()
    submit(full)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("/", "no name for a new folder"),
        ("..", "no name for a new folder"),
        ("/proc/tree", "cannot write /proc/tree.partial"),
        ("{run}/tree", "is in the run directory"),
        ("{file}/tree", "Not a directory"),
    ],
)
def test_an_output_where_no_tree_can_be(command, full, system_file, tmp_path, output, message):
    (tmp_path / "file").write_text("")
    before = sorted(full.rglob("*"))
    done = command(
        "submit", "--runs", full, "--division", "closed", "--submitter", "Acme", "--system",
        system_file(), "--output", output.format(run=full, file=tmp_path / "file"),
        status=1 if "/proc" in output or "file" in output else 2,
    )  # fmt: skip
    assert message in done.stderr
    assert sorted(full.rglob("*")) == before


def test_a_tree_may_lie_beside_its_runs(submit, full):
    submit(full, output=str(full.parent / "tree"))
    submit(full.parent, "--plan")
    shutil.rmtree(full.parent / "tree")
