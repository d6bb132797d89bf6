from datetime import timedelta

from loadscope.names import Mode
from loadscope.rundir.progress import (
    LiveProgress,
    Phase,
    read_progress,
    remove_progress,
    utc_now,
    write_progress,
)


def test_the_file_is_read_as_it_was_written_and_leaves_nothing_behind(tmp_path):
    now = LiveProgress(test=Mode.PERFORMANCE, phase=Phase.LOADING, updated=utc_now(), elapsed_s=0.5)
    assert read_progress(tmp_path) is None
    write_progress(tmp_path, now)
    assert read_progress(tmp_path) == now
    assert not now.stale(now.updated + timedelta(seconds=5))
    assert now.stale(now.updated + timedelta(minutes=1))
    remove_progress(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_version_is_none(tmp_path):
    (tmp_path / "progress.json").write_text('{"format": 2}')
    assert read_progress(tmp_path) is None


def test_a_folder_that_cannot_be_written_ends_nothing(tmp_path):
    now = LiveProgress(test=Mode.TRACE, phase=Phase.RUNNING, updated=utc_now(), elapsed_s=1)
    write_progress(tmp_path / "missing", now)
    remove_progress(tmp_path / "missing")
