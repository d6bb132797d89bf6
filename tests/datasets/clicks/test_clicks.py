"""The task on tables and on what is said of models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.declared import DeclaredModel
from loadscope.datasets.recommendation.click_library import ClickLibrary
from loadscope.datasets.recommendation.click_spec import ClickPreprocess, ClickSpec
from loadscope.datasets.recommendation.clicks import Clicks
from loadscope.datasets.recommendation.metric import AUC
from loadscope.datasets.registry import task
from loadscope.datasets.task import DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo
from loadscope.tools.generate.clicks import ROWS, SHIPPED, clicks

TASK = task("recommendation")
SPEC = ClickPreprocess(dense=2, sparse=3, rows=10)
DENSE = TensorInfo("dense", "float32", (2,))
SPARSE = TensorInfo("sparse", "int64", (3,))


def arrays(**changes: Any) -> dict[str, Any]:
    given = {
        "dense": np.array([[0, 1], [3, -5], [7, 0], [1, 1]], np.float32),
        "sparse": np.arange(12).reshape(4, 3) % 10,
        "label": np.array([1, 0, 0, 1]),
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def write(folder: Path, **changes: Any) -> Path:
    np.savez(folder / "clicks.npz", **arrays(**changes))
    return folder


def read(path: Path, limit: int | None = None, spec: ClickPreprocess = SPEC) -> Clicks:
    found = TASK.read(path, limit, 2, spec)
    assert isinstance(found, Clicks)
    return found


def test_the_shipped_clicks_are_those_of_their_seed_and_know_the_best() -> None:
    folder = catalog_entry("clicks-generated").shipped()
    assert folder is not None
    dataset = read(folder, spec=ClickPreprocess(rows=ROWS))
    made = clicks(4096, SHIPPED)
    assert dataset.labels().ravel().tolist() == made.label.tolist()
    dense, sparse = dataset.features(17)
    assert np.array_equal(sparse[0], made.sparse[17])
    np.testing.assert_allclose(dense[0], np.log1p(made.dense[17].astype(float)), rtol=1e-6)
    assert dataset.best(range(4096)) == pytest.approx(0.8485, abs=1e-4)
    assert 0.2 < made.label.mean() < 0.3


def test_criteos_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "day.tsv").write_text("1\t3\t\t0a\tff\t\n0\t-1\t2\t\tb\tc\n")
    dataset = read(tmp_path)
    dense, sparse = dataset.features(0)
    np.testing.assert_allclose(dense, [[np.log(4), 0]], rtol=1e-6)
    # 0x0a is 10, 0xff is 255, by the ten rows of a table; what is missing is 0.
    assert sparse.tolist() == [[0, 5, 0]]
    dense, sparse = dataset.features(1)
    np.testing.assert_allclose(dense, [[0, np.log(3)]], rtol=1e-6)
    assert sparse.tolist() == [[0, 1, 2]]
    assert dataset.truth(0).tolist() == [1, 1] and len(dataset) == 2


def test_rows_of_a_query_share_a_sample(tmp_path: Path) -> None:
    spec = ClickPreprocess(dense=2, sparse=3, rows=10, candidates=2, transform="none")
    dataset = read(write(tmp_path, weight=np.array([1, 2, 3, 4])), spec=spec)
    prepared = TASK.prepare(dataset, spec, tmp_path / "cache", lambda *_: None)
    library = TASK.library(prepared, spec, [SPARSE, DENSE], "")
    assert isinstance(library, ClickLibrary) and len(library) == 2
    library.load([0, 1])
    fed = library.batch([1, 0])
    assert fed["dense"].tolist() == [[7, 0], [1, 1], [0, 1], [3, -5]]
    assert fed["sparse"].dtype == np.int64 and fed["sparse"][0].tolist() == [6, 7, 8]
    assert library.truth(1).tolist() == [0, 1, 3, 4]
    make = TASK.postprocess(ClickSpec(kind="probability", output="y"), library)
    payload = np.asarray(make({"y": np.array([[0.1], [0.9]], np.float32)}, [1])[0]).tobytes()
    shown = TASK.show(DataSample(dataset, 1), payload)
    assert (shown.sample, shown.answer) == ("query 1, 2 rows, 1 clicked", "clicks 0.100, 0.900")
    with pytest.raises(WorkError, match="answered with 3 bytes"):
        TASK.show(DataSample(dataset, 0), b"123")
    library.unload([0, 1])
    with pytest.raises(WorkError, match="sample 0 was asked for but is not loaded"):
        library.batch([0])
    with pytest.raises(InputError, match=r"expected inputs of float32 \[2\] and int32 or int64"):
        TASK.library(prepared, spec, [DENSE], "")
    with pytest.raises(WorkError, match="prepare the data set for this model"):
        TASK.library(prepared, SPEC, [DENSE, SPARSE], "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": np.zeros(4)}, "all 4 rows have the label 0, so there is no AUC"),
        ({"label": np.ones(4)}, "all 4 rows have the label 1"),
        ({"label": np.array([0, 1, 2, 0])}, "row 3: label 2 is not 0 or 1"),
        ({"label": None}, "array 'label' not found; it has: dense, sparse"),
        ({"label": np.array([0, 1])}, r"dense: expected shape \[2, 2\], got \[4, 2\]"),
        ({"sparse": np.full((4, 3), 10)}, r"row 1: category 10 is outside 0\.\.9"),
        ({"sparse": np.zeros((4, 3))}, "sparse is float64"),
        ({"sparse": np.zeros((4, 2), int)}, r"sparse: expected shape \[4, 3\], got \[4, 2\]"),
        ({"weight": np.array([1, -1, 1, 1])}, "a weight is below 0"),
    ],
)
def test_a_table_that_is_malformed_is_bad_input(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(write(tmp_path, **changes))


def test_a_table_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected one table .* got none"):
        read(tmp_path)
    path = tmp_path / "a.tsv"
    path.write_text("1\t2\t3\n")
    with pytest.raises(InputError, match=r"a\.tsv:1: expected 6 columns, got 3"):
        read(path)
    path.write_text("1\t2\t3\tx\ty\tz\n")
    with pytest.raises(InputError, match=r"a\.tsv:1: invalid literal"):
        read(path)
    write(tmp_path)
    with pytest.raises(InputError, match=r"got a\.tsv, clicks\.npz"):
        read(tmp_path)
    npz = tmp_path / "clicks.npz"
    with pytest.raises(InputError, match=r"a limit of 5 samples does not fit .* has 4"):
        read(npz, 5)
    with pytest.raises(InputError, match="4 rows are no whole number of queries of 3"):
        read(npz, spec=ClickPreprocess(dense=2, sparse=3, rows=10, candidates=3))
    npz.write_bytes(b"1")
    with pytest.raises(InputError, match=r"not an \.npz file"):
        read(npz)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"rows": 0}, "rows is 0"),
        ({"rows": 4, "candidates": 0}, "candidates is 0"),
        ({"rows": 1 << 32}, "more than int32"),
        ({"rows": 4, "transform": "square"}, "not log or none"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ClickPreprocess(**setting)


def entry(**changes: Any) -> DeclaredModel:
    given: dict[str, Any] = {
        "classes": 2, "layout": "", "inputs": [DENSE, SPARSE], "outputs": [
            TensorInfo("y", "float32", (1,))], "preprocess": SPEC,
        "postprocess": ClickSpec(kind="logit", output="y"), "metric": AUC,
    }  # fmt: skip
    return DeclaredModel(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"inputs": [DENSE]}, ["inputs"]),
        ({"postprocess": ClickSpec(kind="logit", output="z")}, ["outputs"]),
        ({"outputs": [TensorInfo("y", "float32", (2,))]}, ["outputs.y"]),
    ],
)
def test_an_entry_that_does_not_fit_is_told(changes: dict[str, Any], places: list[str]) -> None:
    assert [one.place for one in TASK.check(entry(**changes))] == places
