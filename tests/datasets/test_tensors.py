from typing import Any, NamedTuple

import numpy as np
import pytest

from loadscope.datasets.registry import task
from loadscope.datasets.tensors.tensors_spec import (
    InputSpec,
    TensorsPostprocess,
    TensorsPreprocess,
)
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors


class Tensor(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]


IDS, PIXELS = Tensor("ids:0", "int64", (4,)), Tensor("a/b", "float32", (2, 3))
SPEC = TensorsPreprocess(
    inputs={
        "ids:0": InputSpec(dtype="int64", shape=(4,), low=5, high=9),
        "a/b": InputSpec(dtype="float32", shape=(2, 3), low=-1, high=1),
    }
)
KIND = task("tensors")


def library(dataset, cache, spec=SPEC, inputs=(IDS, PIXELS)):
    opened = KIND.library(KIND.prepare(dataset, spec, cache, lambda *_: None), spec, inputs, "")
    opened.load(range(len(opened)))
    return opened


def test_random_numbers_are_in_their_range_and_the_same_each_time(tmp_path):
    more, fewer = KIND.generate(6, SPEC), KIND.generate(3, SPEC)
    many = library(more, tmp_path).batch(range(6))
    assert many["ids:0"].dtype == np.int64 and many["a/b"].dtype == np.float32
    assert many["ids:0"].shape == (6, 4) and many["a/b"].shape == (6, 2, 3)
    assert set(np.unique(many["ids:0"])) <= {5, 6, 7, 8} and len(np.unique(many["ids:0"])) > 1
    assert -1 <= many["a/b"].min() < 0 < many["a/b"].max() < 1
    # Those of seed 1 on every machine and of every count.
    again = library(fewer, tmp_path).batch([2, 0])
    assert np.array_equal(again["a/b"], many["a/b"][[2, 0]])
    drawn = np.random.Generator(np.random.PCG64([1, 2])).integers(5, 9, 4)
    assert np.array_equal(again["ids:0"][0], drawn)
    assert more.digest() == KIND.generate(6, SPEC).digest() != fewer.digest()
    assert "no true answers" in more.unscored


def test_large_samples_are_fewer_and_small_ones_64():
    assert len(KIND.generate(None, SPEC)) == 64
    large = TensorsPreprocess(inputs={"x": InputSpec(dtype="float32", shape=(1 << 24,))})
    assert len(KIND.generate(None, large)) == 4


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_arrays_are_fed_as_they_are_in_the_inputs_types(tmp_path, form):
    ids = np.arange(20, dtype=np.int32).reshape(5, 4)
    pixels = np.random.default_rng(0).random((5, 2, 3))
    arrays: dict[str, Any] = {"ids:0": ids, "a/b": pixels}
    if form == "archive":
        path = tmp_path / "in.npz"
        np.savez(path, **arrays)
    else:
        path = tmp_path / "in"
        path.mkdir()
        np.save(path / "ids_0.npy", ids)
        np.save(path / "a_b.npy", pixels)
    dataset = KIND.read(path, 4, 0, SPEC)
    assert (len(dataset), dataset.full_size()) == (4, 5)
    opened = library(dataset, tmp_path / "cache")
    batch = opened.batch([3, 1])
    assert batch["ids:0"].dtype == np.int64 and np.array_equal(batch["ids:0"], ids[[3, 1]])
    assert np.array_equal(batch["a/b"], pixels[[3, 1]].astype(np.float32))
    whole = opened.batch(range(4))
    assert np.array_equal(whole["ids:0"], ids[:4]) and whole["ids:0"].flags.c_contiguous
    opened.unload([1])
    with pytest.raises(WorkError, match="not loaded"):
        opened.batch([1])
    # Cached by its contents: a change of one number is another data set.
    before = dataset.digest()
    ids[0, 0] = 7
    np.savez(tmp_path / "other.npz", **arrays)
    assert KIND.read(tmp_path / "other.npz", 4, 0, SPEC).digest() != before


def test_the_cache_has_little_endian_rows(tmp_path):
    folder = KIND.prepare(KIND.generate(2, SPEC), SPEC, tmp_path, lambda *_: None)
    ids = np.frombuffer((folder / "0.bin").read_bytes(), "<i8").reshape(2, 4)
    assert np.array_equal(ids, library(KIND.generate(2, SPEC), tmp_path).batch([0, 1])["ids:0"])
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


ONE = TensorsPreprocess(inputs={"ids": InputSpec(dtype="uint8", shape=(4,))})


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((2, 4)), "y": np.zeros(2)}, "no array for the input 'ids'; it has: x, y"),
        (
            {"ids": np.zeros((2, 3), np.uint8)},
            r"uint8 \['samples', 4\], got uint8 \[2, 3\]",
        ),
        ({"ids": np.zeros((2, 4), np.float32)}, "got float32"),
        ({"ids": np.zeros((0, 4), np.uint8)}, "one at least"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(InputError, match=said):
        KIND.read(tmp_path / "in.npz", None, 0, ONE)


def test_an_array_of_another_name_is_not_taken_for_the_input(tmp_path):
    numbers = np.arange(8, dtype=np.uint8).reshape(2, 4)
    np.savez(tmp_path / "in.npz", labels=numbers)
    with pytest.raises(InputError, match="no array for the input 'ids'; it has: labels"):
        KIND.read(tmp_path / "in.npz", None, 0, ONE)
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "labels.npy", numbers)
    with pytest.raises(InputError, match="no array for the input 'ids'; it has: labels"):
        KIND.read(tmp_path / "folder", None, 0, ONE)


def test_an_array_without_a_name_is_the_one_input(tmp_path):
    numbers = np.arange(8, dtype=np.uint8).reshape(2, 4)
    np.savez(tmp_path / "in.npz", numbers)
    np.save(tmp_path / "labels.npy", numbers)
    for name in ("in.npz", "labels.npy"):
        read = KIND.read(tmp_path / name, None, 0, ONE)
        rows = library(read, tmp_path / "cache", ONE, [Tensor("ids", "uint8", (4,))])
        assert np.array_equal(rows.batch([0, 1])["ids"], numbers)


def test_other_bad_files_are_refused(tmp_path):
    np.savez(tmp_path / "in.npz", ids=np.full((2, 4), 300))
    with pytest.raises(InputError, match="sample 0 has numbers outside uint8"):
        KIND.read(tmp_path / "in.npz", None, 0, ONE).digest()
    with pytest.raises(InputError, match="count of 1 to 2"):
        KIND.read(tmp_path / "in.npz", 3, 0, ONE)
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match="cannot be read"):
        KIND.read(tmp_path / "text.npz", None, 0, ONE)
    with pytest.raises(InputError, match="not found"):
        KIND.read(tmp_path / "none.npz", None, 0, ONE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.npy file"):
        KIND.read(tmp_path / "empty", None, 0, ONE)


@pytest.mark.parametrize(
    "given",
    [
        {"dtype": "float31"},
        {"shape": (0,)},
        {"low": 3, "high": 3},
        {"dtype": "int8", "high": 1000},
    ],
)
def test_inputs_that_cannot_be_meant_are_refused(given):
    with pytest.raises(ValueError):
        InputSpec(**{"dtype": "float32", "shape": (1,), **given})


def test_the_answer_is_every_output_one_behind_the_other(tmp_path):
    outputs: Tensors = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.arange(4, dtype=np.int64).reshape(2, 2, 1),
    }
    answer = KIND.postprocess(TensorsPostprocess(), None)  # type: ignore[arg-type]
    assert np.array_equal(answer(outputs, [7, 8]), [[0, 1, 2, 0, 1], [3, 4, 5, 2, 3]])
    alone = KIND.postprocess(TensorsPostprocess(outputs=("b",)), None)  # type: ignore[arg-type]
    assert np.asarray(alone(outputs, [7, 8])).dtype == np.dtype("<f4")
    with pytest.raises(WorkError, match="for 1 samples"):
        answer(outputs, [7])


def test_there_is_no_score():
    with pytest.raises(WorkError, match="no score"):
        KIND.generate(2, SPEC).score([])
    assert KIND.metrics == ()
