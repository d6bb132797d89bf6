"""What tasks take a model's tensors for, and the entry that they would write."""

from typing import NamedTuple

import pytest

from loadscope.datasets.declared import DeclaredModel, FileModel
from loadscope.datasets.registry import task, task_names
from loadscope.datasets.task import Task
from loadscope.errors import InputError
from loadscope.tensors import ANY_SIZE

CLASSIFIER, DETECTOR = "image-classification", "object-detection"
QUESTIONS = "question-answering"


class Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


def model(inputs: list[Tensor], *outputs: Tensor) -> FileModel:
    return FileModel(inputs, outputs)


IMAGE = Tensor("x", (3, 224, 224))
SCORES = Tensor("y", (1000,))
IDS = [Tensor("input_ids", (384,), "int64"), Tensor("attention_mask", (384,), "int64")]


def declared(kind: Task, file: FileModel, draft) -> DeclaredModel:
    from pydantic import TypeAdapter

    post = TypeAdapter(kind.postprocess_type).validate_python(draft.postprocess)
    pre = TypeAdapter(kind.preprocess_type).validate_python(draft.preprocess)
    inputs = [Tensor(t.name, draft.sizes.get(t.name, t.shape), t.dtype) for t in file.inputs]
    entry = DeclaredModel(0, draft.layout, inputs, file.outputs, pre, post, None)
    return DeclaredModel(**{**vars(entry), "classes": kind.classes(entry)})


@pytest.mark.parametrize(
    ("file", "name", "classes"),
    [
        (model([IMAGE], SCORES), CLASSIFIER, 1000),
        (model([Tensor("x", (224, 224, 3), "uint8")], SCORES), CLASSIFIER, 1000),
        (model([IMAGE], Tensor("y", (1000, 1, 1))), CLASSIFIER, 1000),
        (model([IMAGE], Tensor("y", (1001,))), CLASSIFIER, 1000),
        (model([IMAGE], Tensor("y", (1, 1, 1001))), CLASSIFIER, 1000),
        (model([Tensor("x", (3, ANY_SIZE, ANY_SIZE))], Tensor("y", (7,))), CLASSIFIER, 7),
        (model([IMAGE, Tensor("id", (), "int64")], SCORES, Tensor("aux", (10,))), CLASSIFIER, 1000),
        (model([Tensor("x", (3, 416, 416))], Tensor("y", (3549, 85))), DETECTOR, 80),
        (model([Tensor("x", (3, 640, 640))], Tensor("y", (84, 8400))), DETECTOR, 80),
    ],
)
def test_tensors_tell_the_task_and_the_entry_is_one_that_the_task_takes(file, name, classes):
    plain = [task(each) for each in task_names() if not task(each).any_model]
    found = [(kind, draft) for kind in plain if (draft := kind.infer(file, None)) is not None]
    ((kind, draft),) = found
    entry = declared(kind, file, draft)
    assert (kind.name, entry.classes) == (name, classes)
    assert list(kind.check(entry)) == []


def test_what_is_assumed_is_said():
    kind = task(CLASSIFIER)
    free = model([Tensor("x", (3, ANY_SIZE, ANY_SIZE))], Tensor("y", (1001,)), Tensor("z", (5,)))
    draft = kind.infer(free, None)
    assert draft is not None
    assert draft.assumed == [
        "images of 224 x 224 pixels",
        "preprocess imagenet",
        "short side of 256, cut to 224",
        "scores are 'y'",
        "class 0 of 1001 is a background class",
    ]
    assert draft.postprocess == {"kind": "argmax", "output": "y", "offset": 1}
    whole = kind.infer(model([Tensor("x", (224, 224, 3), "uint8")], SCORES), None)
    assert whole is not None and whole.preprocess["mean"] == [0, 0, 0]
    said = kind.infer(model([IMAGE], SCORES), "unit")
    assert said is not None and said.preprocess["std"] == [255, 255, 255]
    own = kind.infer(model([IMAGE], SCORES), {"geometry": "crop-then-resize", "mean": [1, 2, 3]})
    assert own is not None and own.preprocess["mean"] == [1, 2, 3]
    assert "short_side" not in own.preprocess and own.preprocess["size"] == 224


def test_a_name_that_preprocessing_has_not_is_refused():
    with pytest.raises(InputError) as caught:
        task(CLASSIFIER).infer(model([IMAGE], SCORES), "imgnet")
    assert "'imagenet'? use one of: imagenet, unit, raw" in caught.value.fix


@pytest.mark.parametrize(
    "file",
    [
        model([Tensor("x", (3, 224, 200))], SCORES),
        model([IMAGE, Tensor("mask", (224, 224))], SCORES),
        model([IMAGE], Tensor("y", (1000, 7))),
        model([Tensor("x", (16,))], SCORES),
    ],
)
def test_what_is_of_no_task_is_taken_for_none(file):
    assert [task(n).infer(file, None) for n in (CLASSIFIER, DETECTOR, QUESTIONS)] == [None] * 3


def test_questions_need_a_vocabulary_and_are_complete_with_one():
    kind = task(QUESTIONS)
    file = model(IDS, Tensor("starts", (384,)), Tensor("ends", (384,)))
    with pytest.raises(InputError, match="needs its vocabulary") as caught:
        kind.infer(file, None)
    assert "--task tensors" in caught.value.fix
    draft = kind.infer(file, {"tokenizer": "wordpiece-uncased", "vocabulary": "file:v.txt"})
    assert draft is not None and draft.preprocess["window"] == 384
    assert draft.postprocess == {"kind": "spans", "outputs": ["starts", "ends"]}
    assert list(kind.check(declared(kind, file, draft))) == []


def test_any_model_asks_for_what_the_file_leaves_free():
    kind = task("tensors")
    with pytest.raises(InputError) as caught:
        kind.infer(model([Tensor("ids", (ANY_SIZE,), "int64")], SCORES), None)
    assert caught.value.fix == "add --shape ids=1,128"
    file = model([Tensor("ids", (16,), "int64"), IMAGE], SCORES)
    draft = kind.infer(file, {"inputs": {"ids": {"high": 30}}})
    assert draft is not None
    assert draft.preprocess["inputs"]["ids"] == {"dtype": "int64", "shape": [16], "high": 30}
    entry = declared(kind, file, draft)
    assert list(kind.check(entry)) == []
    other = DeclaredModel(**{**vars(entry), "inputs": [Tensor("ids", (16,), "int32")]})
    assert [one.place for one in kind.check(other)] == [
        "preprocess.inputs.ids",
        "preprocess.inputs.x",
    ]
