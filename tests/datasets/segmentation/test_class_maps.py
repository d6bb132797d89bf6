"""From outputs to payloads and back."""

from typing import Any

import numpy as np
import pytest

from loadscope.datasets.semantic_segmentation.class_maps import (
    ClassMapSpec,
    packed,
    postprocess,
    unpacked,
)
from loadscope.errors import WorkError


def answered(spec: ClassMapSpec, output: "np.ndarray[Any, Any]") -> list[list[list[int]]]:
    payloads = postprocess(spec)({"out": output}, range(len(output)))
    maps = [unpacked(np.asarray(each).tobytes()) for each in payloads]
    assert all(each is not None for each in maps)
    return [each.tolist() for each in maps if each is not None]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("classes", [2, 21, 300])
def test_the_first_best_class_of_each_pixel_is_answered(dtype: str, classes: int) -> None:
    scores = np.random.default_rng(1).integers(0, 200, (2, classes, 67, 71)).astype(dtype)
    expected = scores.argmax(axis=1).tolist()
    assert answered(ClassMapSpec(kind="argmax", output="out"), scores) == expected
    last = ClassMapSpec(kind="argmax", output="out", channels="last")
    assert answered(last, scores.transpose(0, 2, 3, 1)) == expected


@pytest.mark.parametrize("shape", [(1, 2, 3), (1, 1, 2, 3)])
def test_classes_are_answered_as_they_are(shape: tuple[int, ...]) -> None:
    spec = ClassMapSpec(kind="class-index", output="out")
    for dtype in ("int64", "float32", "uint8"):
        given = np.arange(6, dtype=dtype).reshape(shape)
        assert answered(spec, given) == [[[0, 1, 2], [3, 4, 5]]]


def test_a_payload_is_as_small_as_its_classes_and_little_endian() -> None:
    small = packed(np.array([[1, 2, 255]], np.int32)).tobytes()
    assert small == b"\1\0\3\0\1\2\377"
    wide = packed(np.array([[1], [256]], np.int32)).tobytes()
    assert wide == b"\2\0\1\0" + b"\1\0\0\0" + b"\0\1\0\0"
    assert unpacked(wide) is not None and unpacked(wide[:-1]) is None


@pytest.mark.parametrize(
    ("spec", "output", "said"),
    [
        ({"output": "mask"}, np.zeros((1, 2, 3, 3)), "the model has no output 'mask'"),
        ({}, np.zeros((1, 2)), r"shape \(1, 2\) for 1 samples, not \(batch, classes, height"),
        ({}, np.zeros((2, 2, 3, 3)), "for 1 samples"),
        ({}, np.full((1, 2, 3, 3), np.nan), "is NaN for sample 0"),
        ({"kind": "class-index"}, np.full((1, 3, 3), 0.5), "that are no classes"),
        ({"kind": "class-index"}, np.full((1, 3, 3), np.nan), "that are no classes"),
        ({"kind": "class-index"}, np.full((1, 3, 3), np.inf), "out of range"),
        ({"kind": "class-index"}, np.zeros((1, 2, 3, 3)), r"shape \(1, 2, 3, 3\)"),
    ],
)
def test_an_output_that_is_no_map_is_refused(
    spec: dict[str, Any], output: "np.ndarray[Any, Any]", said: str
) -> None:
    wanted = ClassMapSpec(**{"kind": "argmax", "output": "out", **spec})
    with pytest.raises(WorkError, match=said):
        postprocess(wanted)({"out": output}, [0])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"kind": "softmax"}, "not one of: argmax, class-index"),
        ({"output": ""}, "output names no tensor"),
        ({"channels": "middle"}, "not first or last"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ClassMapSpec(**{"kind": "argmax", "output": "out", **setting})
