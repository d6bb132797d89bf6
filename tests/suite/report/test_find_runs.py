from collections.abc import Callable
from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.suite.report import find_runs


def test_a_run_directory_is_found_itself(make_run: Callable[..., Path]) -> None:
    path = make_run()
    assert find_runs([path]) == [path]


def test_runs_are_found_one_and_two_levels_below_a_folder(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    runs = [make_run("a"), make_run("campaign/b"), make_run("campaign/c")]
    assert find_runs([tmp_path]) == runs


def test_runs_three_levels_below_are_not_looked_for(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    make_run("one/two/three")
    with pytest.raises(InputError, match="no run directory"):
        find_runs([tmp_path])


def test_a_run_that_two_paths_lead_to_is_listed_once(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_run("a")
    (tmp_path / "latest").symlink_to(path)
    assert find_runs([path, tmp_path]) == [path]


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone does not exist"):
        find_runs([tmp_path / "gone"])


def test_a_file_is_refused_by_name(make_run: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"run\.json is a file"):
        find_runs([make_run() / "run.json"])


def test_an_empty_folder_beside_a_good_one_is_refused(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"no run directory .* in .*empty"):
        find_runs([make_run(), empty])
