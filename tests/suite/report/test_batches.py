from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.suite.report.batches import Completion, read_completion


def _read(folder: Path, rows: list[tuple[int, int, int, int]]) -> Completion:
    path = folder / "batches.bin"
    np.array(rows, dtype="<i8").tofile(path)
    return read_completion(path)


def test_samples_add_up_in_the_order_in_which_batches_end(tmp_path: Path) -> None:
    second = 1_000_000_000
    found = _read(tmp_path, [(0, 3 * second, 8, 0), (0, second, 4, 1), (second, 2 * second, 2, 1)])
    assert found.seconds.tolist() == [0, 1, 2, 3]
    assert found.done.tolist() == [0, 4, 6, 14]


def test_the_share_of_time_in_the_backend_is_the_mean_over_workers(tmp_path: Path) -> None:
    # Worker 0 works 60 of 100 ns, worker 1 works 100 of 100 ns.
    found = _read(tmp_path, [(0, 60, 2, 0), (0, 100, 4, 1)])
    assert found.busy == pytest.approx(0.8)
    assert (found.batches, found.samples, found.largest, found.workers) == (2, 6, 4, 2)


def test_a_long_run_keeps_at_most_401_points_and_its_last_sample(tmp_path: Path) -> None:
    found = _read(tmp_path, [(10 * step, 10 * step + 9, 3, 0) for step in range(5000)])
    assert len(found.seconds) <= 401
    assert found.done[-1] == 15_000
    assert found.seconds[-1] == pytest.approx(49_999e-9)


@pytest.mark.parametrize("row", [(50, 40, 8, 0), (50, 60, 0, 0)])
def test_an_impossible_batch_is_refused_by_file_and_row(
    tmp_path: Path, row: tuple[int, int, int, int]
) -> None:
    with pytest.raises(InputError, match=r"batches\.bin is corrupt: row 1 "):
        _read(tmp_path, [(0, 10, 8, 0), row])
