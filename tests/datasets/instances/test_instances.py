"""The task on outputs, on folders and on what is said of models; its score by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.declared import DeclaredModel
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.instance_segmentation.found import (
    Instance,
    MaskSpec,
    packed,
    postprocess,
    unpacked,
)
from loadscope.datasets.instance_segmentation.instances import ANNOTATIONS, Instances
from loadscope.datasets.instance_segmentation.mask_score import stretched
from loadscope.datasets.instance_segmentation.metric import MASK_MAP
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer, DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo
from loadscope.tools.generate.instances import PICTURES, write_instances

TASK = task("instance-segmentation")
SPEC = MaskSpec(classes="c", masks="m")
SQUARE = [[0, 0, 4, 0, 4, 4, 0, 4]]


def shipped() -> Path:
    folder = catalog_entry("instances-generated").shipped()
    assert folder is not None
    return folder


def write(folder: Path, *segmentations: Any, **changes: Any) -> Path:
    """One picture of 8 x 8 with objects of category 7, and a category 9 beside it."""
    (folder / "val2017").mkdir(parents=True)
    (folder / "annotations").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "val2017" / "a.png")
    objects = [
        {"id": at, "image_id": 5, "category_id": 7, "segmentation": one}
        for at, one in enumerate(segmentations, start=1)
    ]
    content = {
        "images": [{"id": 5, "file_name": "a.png", "width": 8, "height": 8}],
        "categories": [{"id": 9, "name": "cat"}, {"id": 7, "name": "ant"}],
        "annotations": objects,
    }
    (folder / ANNOTATIONS).write_text(json.dumps({**content, **changes}))
    return folder


def mask(*rows: str) -> Any:
    return np.array([[each == "#" for each in row] for row in rows])


def answer(*instances: Instance, size: tuple[int, int] = (2, 2)) -> bytes:
    return packed(instances, size).tobytes()


def read(folder: Path, limit: int | None = None) -> Instances:
    found = TASK.read(folder, limit, 2)
    assert isinstance(found, Instances)
    return found


def test_queries_become_instances_by_likelihood_and_mask() -> None:
    scores = np.log(np.array([[[0.6, 0.1, 0.3], [0.02, 0.9, 0.08], [0.01, 0.01, 0.98]]]))
    numbers = np.full((1, 3, 2, 3), -9.0)
    numbers[0, 0, 0] = np.log([3, 1 / 3, 3])
    numbers[0, 1] = 50
    (payload,) = postprocess(SPEC)({"c": scores, "m": numbers}, [0])
    found = unpacked(np.asarray(payload).tobytes())
    assert found is not None
    # 0.6 by the mean of sigmoid(log 3) = 0.75; its 0.1 of class 1 is 0.075; 0.02 is too little.
    assert [one.kind for one in found] == [1, 0, 1]
    assert [one.score for one in found] == pytest.approx([0.9, 0.45, 0.075])
    assert found[1].mask.tolist() == mask("#.#", "...").tolist() and found[0].mask.all()
    few = MaskSpec(classes="c", masks="m", most=1)
    (payload,) = postprocess(few)({"c": scores, "m": numbers}, [0])
    assert len(unpacked(np.asarray(payload).tobytes()) or ()) == 1


def test_a_payload_holds_a_bit_a_pixel_and_is_little_endian() -> None:
    payload = answer(Instance(0.5, 258, mask("#..", "..#", "###")), size=(3, 3))
    assert payload == b"\3\0\3\0\1\0" + b"\0\0\0\x3f" + b"\2\1\0\0" + bytes(
        [0b10000111, 0b10000000]
    )
    assert unpacked(payload[:-1]) is None and unpacked(b"") is None
    assert unpacked(answer(size=(3, 3))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"c": None}, "no output 'c'"),
        ({"c": np.zeros((1, 2, 3))}, r"have shapes \(1, 2, 3\) and \(1, 4, 2, 2\)"),
        ({"c": np.zeros((2, 4, 3)), "m": np.zeros((2, 4, 2, 2))}, "for 1 samples"),
        ({"m": np.full((1, 4, 2, 2), np.nan)}, "not finite for sample 0"),
    ],
)
def test_outputs_that_are_no_queries_are_refused(changes: dict[str, Any], said: str) -> None:
    given = {"c": np.zeros((1, 4, 3)), "m": np.zeros((1, 4, 2, 2)), **changes}
    with pytest.raises(WorkError, match=said):
        postprocess(SPEC)({name: one for name, one in given.items() if one is not None}, [0])


def test_the_drawings_are_those_of_their_seeds_and_are_right_by_themselves(tmp_path: Path) -> None:
    write_instances(tmp_path)
    kept, made = (json.loads((one / ANNOTATIONS).read_text()) for one in (shipped(), tmp_path))
    assert kept == made
    dataset = TASK.read(shipped(), None, 3)
    assert isinstance(dataset, Instances) and len(dataset) == PICTURES
    assert dataset.class_names() == ["circle", "square", "triangle"]
    colours = np.array([[90, 90, 90], [200, 50, 40], [50, 180, 60], [50, 70, 200]])
    answers = []
    for at, name in enumerate(dataset.names):
        pixels = np.asarray(Image.open(shipped() / "val2017" / name)).astype(int)
        kinds = ((pixels[:, :, None] - colours) ** 2).sum(axis=3).argmin(axis=2)
        found = [Instance(0.9, kind - 1, kinds == kind) for kind in np.unique(kinds) if kind]
        answers.append(Answer(at, answer(*found, size=kinds.shape)))
    score = dataset.score(answers)
    # Polygons and what is drawn of them differ by half a pixel here and there.
    assert score.value > 85 and score.details["AP50"] == pytest.approx(100)
    assert dataset.score(answers, among=[3, 1]).samples == 2


def test_a_mask_covers_the_pixels_whose_middles_are_in_it() -> None:
    assert stretched(mask("#."), 2, 5).tolist() == [[1, 1, 0, 0, 0]] * 2
    assert stretched(mask("#.", ".#"), 4, 2).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        # The 4 x 4 pixels of the object, exactly; then 16 of 32, which is an IoU of a half and
        # right at one of ten bounds; then the other class.
        ([Instance(0.9, 0, mask("#.", ".."))], 100, 100),
        ([Instance(0.9, 0, mask("##", ".."))], 10, 100),
        ([Instance(0.9, 1, mask("#.", ".."))], 0, 0),
        ([], 0, 0),
        # A surer one that is wrong halves the precision.
        ([Instance(0.9, 0, mask("..", ".#")), Instance(0.8, 0, mask("#.", ".."))], 50, 50),
    ],
)
@pytest.mark.parametrize("form", ["polygon", "runs"])
def test_scores_worked_by_hand(
    tmp_path: Path, form: str, found: list[Instance], expected: float, said: float
) -> None:
    runs = {"size": [8, 8], "counts": [0, 4, 4, 4, 4, 4, 4, 4, 36]}
    dataset = read(write(tmp_path, SQUARE if form == "polygon" else runs))
    score = dataset.score([Answer(0, answer(*found)), Answer(0, answer())])
    assert score.value == pytest.approx(expected) and score.details["AP50"] == pytest.approx(said)
    assert score.details["empty"] == (not found)
    assert score.line == f"mask mAP={score.value:.3f}%, instances={len(found)}, total=1"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "sample 0 is not answered"),
        ([(1, b"")], "sample 1 is not among the 1 samples"),
        ([(0, b"12")], "answered with 2 bytes, no instances"),
        ([(0, answer(Instance(0.5, 2, mask("##", "##"))))], "with class 2 of 2"),
        ([(0, answer(Instance(np.nan, 0, mask("##", "##"))))], "the score nan"),
    ],
)
def test_what_is_no_answer_is_refused(
    tmp_path: Path, answers: list[tuple[int, bytes]], said: str
) -> None:
    with pytest.raises(WorkError, match=said):
        read(write(tmp_path, SQUARE)).score([Answer(*each) for each in answers])


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"size": [8, 9], "counts": [64]}, r"run lengths of size \[8, 9\], its image has \[8, 8\]"),
        ({"size": [8, 8], "counts": [63]}, "do not add up to its image"),
        ({"size": [8, 8], "counts": 5}, "neither a list nor a text"),
        ([[0, 0, 1, 1]], "fewer than three points"),
        ([], "neither polygons nor run lengths"),
    ],
)
def test_a_segmentation_that_is_malformed_is_bad_input(
    tmp_path: Path, segmentation: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(write(tmp_path, segmentation))


def test_a_folder_that_is_no_data_set_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set folder"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="found neither annotations"):
        read(tmp_path)
    with pytest.raises(InputError, match="has 1 categories, the model tells 2 apart"):
        read(write(tmp_path / "a", categories=[{"id": 7, "name": "ant"}]))
    with pytest.raises(InputError, match="an entry has no 'categories'"):
        file = write(tmp_path / "b") / ANNOTATIONS
        file.write_text('{"images": [], "annotations": []}')
        read(tmp_path / "b")
    strange = [{"id": 1, "image_id": 6, "category_id": 7, "segmentation": SQUARE}]
    with pytest.raises(InputError, match="names image 6 and category 7, which are not there"):
        read(write(tmp_path / "c", annotations=strange))
    with pytest.raises(InputError, match="a limit of 2 samples does not fit"):
        read(write(tmp_path / "d", SQUARE), 2)
    images = [{"id": 5, "file_name": "a.png", "width": 9, "height": 8}]
    with pytest.raises(InputError, match="8 x 8 pixels, the annotations say 9 x 8"):
        read(write(tmp_path / "e", images=images)).require_sizes()
    (tmp_path / "d" / "val2017" / "a.png").unlink()
    with pytest.raises(InputError, match="is missing"):
        read(tmp_path / "d")


def test_images_alone_are_measured_and_not_scored(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    dataset = read(tmp_path)
    assert dataset.unscored == "no masks"
    dataset.require_sizes()
    with pytest.raises(WorkError, match="no masks, so there is no score"):
        dataset.score([])


def test_an_answer_is_shown_by_names_and_masks() -> None:
    dataset = TASK.read(shipped(), None, 3)
    given = answer(Instance(0.5, 1, mask("#.", "..")), Instance(0.1, 0, mask("..", ".#")))
    shown = TASK.show(DataSample(dataset, 0), given)
    assert shown.sample == shipped() / "val2017" / "0.png"
    assert shown.answer == "square 0.50 (25.0 %), circle 0.10 (25.0 %)"
    (part,) = TASK.explain(dataset, [given], [{}], SPEC)
    assert part.kind == "masks" and [one.label for one in part.rows] == ["square"]
    with pytest.raises(WorkError, match="answered with 1 bytes"):
        TASK.show(DataSample(dataset, 0), b"1")


def entry(**changes: Any) -> DeclaredModel:
    given: dict[str, Any] = {
        "classes": 2, "layout": "NCHW", "inputs": [TensorInfo("x", "float32", (3, 8, 8))],
        "outputs": [TensorInfo("c", "float32", (4, 3)), TensorInfo("m", "float32", (4, 2, 2))],
        "preprocess": ImagePreprocess(
            geometry="squash", resampler="opencv-bilinear", size=8, short_side=8, mean=(0, 0, 0),
            std=(1, 1, 1),
        ),
        "postprocess": SPEC, "metric": MASK_MAP,
    }  # fmt: skip
    return DeclaredModel(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"classes": 3}, ["classes"]),
        ({"postprocess": MaskSpec(classes="c", masks="z")}, ["outputs"]),
        ({"outputs": [TensorInfo("c", "float32", (4, 3)), TensorInfo("m", "float32", (4, 4))]},
         ["outputs.m"]),
        ({"outputs": [TensorInfo("c", "float32", (5, 3)), TensorInfo("m", "float32", (4, 2, 2))]},
         ["outputs.m"]),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_told(changes: dict[str, Any], places: list[str]) -> None:
    assert [one.place for one in TASK.check(entry(**changes))] == places
    assert TASK.classes(entry()) == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"masks": "c"}, "name no two tensors"),
        ({"score_threshold": 1.0}, "score_threshold is 1"),
        ({"most": 0}, "most is 0"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MaskSpec(**{"classes": "c", "masks": "m", **setting})
