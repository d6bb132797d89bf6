"""The task on folders and on what is said of models."""

import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from loadscope.datasets.adapters.volume_mask import VolumeMask
from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.declared import DeclaredModel
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer, DataSample
from loadscope.datasets.volume_segmentation.head import unpack_head
from loadscope.datasets.volume_segmentation.metric import DICE
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess, VoxelSpec
from loadscope.datasets.volume_segmentation.volumes import REMARK, Volumes
from loadscope.datasets.volume_segmentation.windows import VolumeWindows
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo
from loadscope.tools.generate.volumes import SHAPES, volume

TASK = task("volume-segmentation")
SPEC = VolumePreprocess(window=(8, 8, 8))
INPUT = TensorInfo("x", "float32", (1, 8, 8, 8))


def write(
    folder: Path,
    mask: Any = None,
    affine: Any = None,
    scan: Any = None,
    name: str = "case_0",
) -> Path:
    case = folder / name
    case.mkdir(parents=True)
    voxels = np.arange(8 * 9 * 10, dtype=np.float32).reshape(8, 9, 10) if scan is None else scan
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), case / "imaging.nii.gz")
    if mask is not None:
        whole = np.eye(4) if affine is None else affine
        nibabel.save(nibabel.Nifti1Image(mask, whole), case / "segmentation.nii.gz")
    return folder


def prepare(folder: Path, classes: int = 3, **form: Any) -> VolumeWindows:
    dataset = TASK.read(folder, None, classes, SPEC, form=VolumeMask(**form))
    prepared = TASK.prepare(dataset, SPEC, folder.parent / "cache", lambda *_: None)
    library = TASK.library(prepared, SPEC, [INPUT], "")
    assert isinstance(library, VolumeWindows)
    return library


MASK = np.zeros((8, 9, 10), np.uint8)


def test_the_generated_scans_are_those_of_their_seeds() -> None:
    folder = catalog_entry("volumes-generated").shipped()
    assert folder is not None
    form = catalog_entry("volumes-generated").form
    dataset = TASK.read(folder, None, 3, SPEC, form=form)
    assert isinstance(dataset, Volumes) and len(dataset) == len(SHAPES)
    assert dataset.class_names() == ("ellipsoid", "sphere")
    for case, (image, mask) in enumerate(form.read(folder)):
        scan, classes = volume(case)
        assert np.array_equal(form.volume(image).voxels, scan)
        assert np.array_equal(form.classes(mask), classes)
        assert set(np.unique(classes)) == {0, 1, 2}


def test_a_volume_is_fed_answered_and_scored_by_itself(tmp_path: Path) -> None:
    mask = MASK.copy()
    mask[2:5, 3:6, 4:7], mask[3, 4, 5] = 1, 2
    library = prepare(write(tmp_path / "data", mask))
    # 9 and 10 are more than a step of 4 by less than half a step, which is cut off.
    assert library.shape(0) == (8, 8, 12)
    dataset = TASK.read(tmp_path / "data", None, 3, SPEC)
    assert isinstance(dataset, Volumes)
    truth = dataset.truth(0)
    assert truth.shape == (8, 8, 12)
    make = TASK.postprocess(VoxelSpec(output="y"), library)
    scores = np.eye(3, dtype=np.float32)[truth].transpose(3, 0, 1, 2)[None]
    (payload,) = make({"y": scores}, [0])
    assert (
        np.asarray(payload).dtype == np.uint8 and np.asarray(payload).tobytes() == truth.tobytes()
    )
    score = dataset.score([Answer(0, truth.tobytes())])
    assert (score.value, score.metric.name, score.remark) == (1.0, "Dice", "")
    shown = TASK.show(DataSample(dataset, 0), truth.tobytes())
    assert shown.answer.startswith("of 768 voxels: class 1 3.39 %")
    (part,) = TASK.explain(dataset, [truth.tobytes()], [{}], None)
    assert part.kind == "cuts"
    for broken, said in (
        ({"z": scores}, "no output 'y'"),
        ({"y": scores[..., :-1]}, r"for sample 0, expected \(batch, classes, 8, 8, 12\)"),
        ({"y": np.full_like(scores, np.nan)}, "NaN for sample 0"),
    ):
        with pytest.raises(WorkError, match=said):
            make(broken, [0])


def test_a_remark_is_said_with_the_score(tmp_path: Path) -> None:
    folder = write(tmp_path, MASK)
    (folder / REMARK).write_text("easy: already skull-stripped\n")
    dataset = TASK.read(folder, None, 3, SPEC)
    found = dataset.score([Answer(0, bytes(8 * 8 * 12))])
    assert found.remark == "easy: already skull-stripped"


FLIPPED = np.diag([-1.0, 1, 1, 1])
COARSE = np.diag([2.0, 1, 1, 1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mask": MASK[:-1]}, r"has shape \(7, 9, 10\), its volume \(8, 9, 10\)"),
        ({"mask": MASK, "affine": COARSE}, "has voxels of 2 x 1 x 1 mm, its volume of 1 x 1 x 1"),
        ({"mask": MASK, "affine": FLIPPED}, "lies LAS, its volume RAS"),
        ({"mask": MASK + 3}, r"class 3 is outside 0\.\.2, the model's"),
        ({"mask": MASK + np.float32(0.5)}, "values between whole numbers"),
        ({"mask": MASK - np.float32(1)}, "value -1 is in no class"),
        ({"mask": MASK, "scan": np.full((8, 9, 10), np.nan, np.float32)}, "not finite"),
        ({"mask": MASK, "scan": np.zeros((8, 9, 10, 2), np.float32)}, "has 4 axes, not 3"),
    ],
)
def test_a_case_that_does_not_fit_is_bad_input(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        prepare(write(tmp_path / "data", **given))


def test_a_folder_that_is_no_data_set_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no data set folder"):
        TASK.read(tmp_path / "none", None, 3, SPEC)
    with pytest.raises(InputError, match=r"no case case_\* found"):
        TASK.read(tmp_path, None, 3, SPEC)
    folder = write(tmp_path / "data", MASK)
    with pytest.raises(InputError, match=r"a limit of 2 samples does not fit .* has 1"):
        TASK.read(folder, 2, 3, SPEC)
    write(folder, name="case_1")
    with pytest.raises(InputError, match=r"case_1/segmentation\.nii\.gz is missing"):
        TASK.read(folder, None, 3, SPEC)
    (folder / "case_1" / "imaging.nii.gz").write_bytes(b"no volume")
    with pytest.raises(InputError, match="is no volume"):
        VolumeMask().volume(folder / "case_1" / "imaging.nii.gz")


def test_scans_alone_are_measured_and_not_scored(tmp_path: Path) -> None:
    folder = write(tmp_path / "data")
    prepare(folder)
    dataset = TASK.read(folder, None, 3, SPEC)
    assert dataset.unscored == "no masks"
    with pytest.raises(WorkError, match="no masks, so there is no score"):
        dataset.score([])


def test_a_volume_is_tried_by_hand(tmp_path: Path) -> None:
    given, case = tmp_path / "scan.npz", tmp_path / "one"
    case.mkdir()
    np.savez(given, np.ones((8, 8, 8), np.int16))
    dataset = TASK.read(TASK.one_sample({"volume": str(given)}, case), None, 3, SPEC)
    assert dataset.unscored and dataset.scan(0).shape == (8, 8, 8)  # type: ignore[attr-defined]
    np.savez(given, np.ones((8, 8)), np.ones(3))
    with pytest.raises(InputError, match="expected one array of three axes"):
        TASK.one_sample({"volume": str(given)}, case)
    given.write_bytes(b"1")
    with pytest.raises(InputError, match=r"give an \.npz file"):
        TASK.one_sample({"volume": str(given)}, case)


def test_the_head_is_unpacked_with_its_mask(tmp_path: Path) -> None:
    scan = np.zeros((8, 8, 8), np.uint8)
    scan[2:6, 2:6, 2:6], scan[3, 3, 3], scan[4, 4, 4] = 255, 51, 52
    content = nibabel.Nifti1Image(scan, np.eye(4)).to_bytes()
    wheel = tmp_path / "head.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
            __import__("gzip").compress(content),
        )
    folder = TASK.unpack("mni152-head", wheel, tmp_path / "head")
    dataset = TASK.read(folder, None, 2, SPEC)
    assert dataset.truth(0).sum() == 64 - 1  # type: ignore[attr-defined]
    assert (folder / REMARK).read_text().startswith("easy")
    with pytest.raises(InputError, match="cannot read the head"):
        unpack_head(tmp_path / "none.whl", tmp_path / "other")


def entry(**changes: Any) -> DeclaredModel:
    given: dict[str, Any] = {
        "classes": 3, "layout": "", "inputs": [INPUT], "outputs": [
            TensorInfo("y", "float32", (3, 8, 8, 8))], "preprocess": SPEC,
        "postprocess": VoxelSpec(output="y"), "metric": DICE,
    }  # fmt: skip
    return DeclaredModel(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"inputs": [TensorInfo("x", "float32", (1, 8, 8, 9))]}, ["inputs"]),
        ({"postprocess": VoxelSpec(output="z")}, ["outputs"]),
        ({"classes": 1}, ["classes"]),
        ({"classes": 4}, ["outputs.y"]),
    ],
)
def test_an_entry_that_does_not_fit_is_told(changes: dict[str, Any], places: list[str]) -> None:
    assert [one.place for one in TASK.check(entry(**changes))] == places
    assert TASK.classes(entry()) == 3
