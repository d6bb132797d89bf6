from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from loadscope.datasets.classes.classification import ArgmaxSpec, postprocess
from loadscope.errors import InputError, WorkError

SCORES = np.array([[0.1, 0.7, 0.2], [3, 2, 1], [-5, -6, -1]], np.float32)


def test_the_class_of_the_best_score_is_the_payload() -> None:
    payload = postprocess(ArgmaxSpec("argmax", "logits"))({"logits": SCORES}, [4, 8, 9])
    assert isinstance(payload, np.ndarray)
    assert payload.tolist() == [[1], [0], [2]]
    assert payload.dtype == np.dtype("<f4")
    assert payload.flags.c_contiguous


def test_the_offset_is_subtracted_so_that_background_is_minus_one() -> None:
    payload = postprocess(ArgmaxSpec("argmax", "logits", offset=1))({"logits": SCORES}, [0, 1, 2])
    assert np.asarray(payload).tolist() == [[0], [-1], [1]]


@pytest.mark.parametrize(
    "output",
    [
        np.array([7, 0, 1000], np.int64),
        np.array([[7], [0], [1000]], np.int32),
        np.array([[7], [0], [1000]], np.float32),
        np.array([7, 0, 1000], np.uint16),
    ],
)
def test_a_class_index_is_taken_as_it_is(output: NDArray[Any]) -> None:
    payload = postprocess(ArgmaxSpec("class-index", "ArgMax:0", offset=1))(
        {"ArgMax:0": output}, [0, 1, 2]
    )
    assert np.asarray(payload).tolist() == [[6], [-1], [999]]


def test_scores_with_further_axes_of_one_are_read() -> None:
    outputs = {"logits": SCORES.reshape(3, 1, 1, 3)}
    payload = postprocess(ArgmaxSpec("argmax", "logits"))(outputs, [0, 1, 2])
    assert np.asarray(payload).tolist() == [[1], [0], [2]]


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("width", [3, 1000])
def test_a_nan_anywhere_is_an_error_that_names_the_sample(column: int, width: int) -> None:
    scores = np.random.default_rng(1).normal(size=(3, width)).astype(np.float32)
    scores[1, column * (width - 1) // 2] = np.nan
    with pytest.raises(WorkError, match="output 'logits' is NaN for sample 8"):
        postprocess(ArgmaxSpec("argmax", "logits"))({"logits": scores}, [4, 8, 9])


def test_a_nan_class_index_is_an_error_that_names_the_sample() -> None:
    with pytest.raises(WorkError, match="NaN for sample 4"):
        postprocess(ArgmaxSpec("class-index", "c"))({"c": np.array([np.nan, 1.0])}, [4, 8])


def test_a_missing_output_is_an_error_that_lists_the_others() -> None:
    with pytest.raises(WorkError, match="no output 'softmax'") as caught:
        postprocess(ArgmaxSpec("argmax", "softmax"))({"logits": SCORES}, [0, 1, 2])
    assert "logits" in caught.value.fix


@pytest.mark.parametrize("shape", [(2, 3), (3,), (3, 2, 5), (3, 0), (4, 3)])
def test_scores_that_are_not_a_row_a_sample_are_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(WorkError, match=r"has shape .* for 3 samples"):
        postprocess(ArgmaxSpec("argmax", "o"))({"o": np.zeros(shape, np.float32)}, [0, 1, 2])


def test_ones_around_the_classes_are_squeezed() -> None:
    answer = postprocess(ArgmaxSpec("argmax", "o"))
    for shape in ((3, 4, 1, 1), (3, 1, 4), (3, 1, 4, 1)):
        scores = np.zeros((3, 4), np.float32)
        scores[[0, 1, 2], [3, 0, 2]] = 1
        found = answer({"o": scores.reshape(shape)}, [0, 1, 2])
        assert np.asarray(found).ravel().tolist() == [3, 0, 2]


def test_class_indices_that_are_not_one_a_sample_are_an_error() -> None:
    with pytest.raises(WorkError, match=r"has shape \(3, 1000\) for 3 samples"):
        postprocess(ArgmaxSpec("class-index", "o"))({"o": np.zeros((3, 1000))}, [0, 1, 2])


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "softmax", "output": "o"},
        {"kind": "argmax", "output": ""},
        {"kind": "argmax", "output": "o", "offset": -1},
        {"kind": "argmax", "output": "o", "axis": 1},
    ],
)
def test_a_manifest_with_a_bad_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ArgmaxSpec).validate_python(settings)


def test_the_best_five_come_best_first_and_of_equal_ones_the_first() -> None:
    scores = np.array([[1, 9, 3, 8, 3, 3, 7, 0], [5, 5, 5, 5, 5, 5, 5, 5]], np.float32)
    payload = postprocess(ArgmaxSpec("argmax", "logits"), 5)({"logits": scores}, [0, 1])
    assert np.asarray(payload).dtype == np.dtype("<f4")
    assert np.asarray(payload).tolist() == [[1, 3, 6, 2, 4], [0, 1, 2, 3, 4]]
    quantised = (scores * 20).astype(np.uint8)
    same = postprocess(ArgmaxSpec("argmax", "logits", offset=1), 5)({"logits": quantised}, [0, 1])
    assert np.asarray(same).tolist() == [[0, 2, 5, 1, 3], [-1, 0, 1, 2, 3]]


def test_nan_below_the_best_five_is_refused_too() -> None:
    scores = np.array([[9, 8, 7, 6, 5, np.nan, 1]], np.float32)
    with pytest.raises(WorkError, match="is NaN for sample 4"):
        postprocess(ArgmaxSpec("argmax", "logits"), 5)({"logits": scores}, [4])


def test_five_classes_are_not_asked_of_an_output_that_has_one() -> None:
    with pytest.raises(InputError, match="kind is 'class-index'"):
        postprocess(ArgmaxSpec("class-index", "c"), 5)
