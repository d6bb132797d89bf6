"""The task on folders, on outputs and on what is said of models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.cache.array_cache import ArrayCache
from loadscope.datasets.declared import DeclaredModel, FileModel
from loadscope.datasets.image_enhancement.enlarge_spec import EnlargedSpec, EnlargePreprocess
from loadscope.datasets.image_enhancement.enlarged import unpacked
from loadscope.datasets.image_enhancement.metric import PSNR
from loadscope.datasets.image_enhancement.shrink import enlarged
from loadscope.datasets.image_enhancement.small_images import SmallImages
from loadscope.datasets.registry import task
from loadscope.datasets.task import DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

TASK = task("image-enhancement")
WHOLE = EnlargePreprocess(scale=2, std=(255, 255, 255))
FREE = TensorInfo("x", "float32", (3, -1, -1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photographs"
    made.mkdir()
    for seed, (width, height) in enumerate([(41, 30), (30, 44)]):
        small = np.random.default_rng(seed).integers(0, 256, (height // 5, width // 5, 3), np.uint8)
        picture = Image.fromarray(enlarged(small, 6)).crop((0, 0, width, height))
        picture.save(made / f"{seed}.png")
    return made


def open_library(
    folder: Path, spec: EnlargePreprocess = WHOLE, tensor: TensorInfo = FREE, layout: str = "NCHW"
) -> SmallImages:
    dataset = TASK.read(folder, None, 0, spec)
    prepared = TASK.prepare(dataset, spec, folder.parent / "cache", lambda *_: None)
    library = TASK.library(prepared, spec, [tensor], layout)
    assert isinstance(library, SmallImages)
    return library


def test_whole_photographs_keep_their_sizes(folder: Path) -> None:
    library = open_library(folder)
    assert [library.size(index) for index in (0, 1)] == [(15, 20), (22, 15)]
    library.load([0, 1])
    fed = library.batch([0])["x"]
    assert (
        fed.shape == (1, 3, 15, 20) and fed.dtype == np.float32 and 0 <= fed.min() <= fed.max() <= 1
    )
    with Image.open(folder / "0.png") as picture:
        # The last column of 41 is left out.
        small = picture.crop((0, 0, 40, 30)).resize((20, 15), Image.Resampling.BICUBIC)
    assert fed[0].transpose(1, 2, 0) * 255 == pytest.approx(np.asarray(small), abs=1e-4)
    assert library.order([0, 1]) == [1, 0]
    with pytest.raises(WorkError, match=r"samples \[0, 1\] differ in size"):
        library.batch([0, 1])
    library.unload([0])
    with pytest.raises(WorkError, match="sample 0 was asked for but is not loaded"):
        library.batch([0])


def test_squares_out_of_the_middle_share_a_batch(folder: Path) -> None:
    spec = EnlargePreprocess(scale=2, size=12, colour="bgr")
    library = open_library(folder, spec, TensorInfo("x", "uint8", (12, 12, 3)), "NHWC")
    library.load([0, 1])
    fed = library.batch([0, 1])["x"]
    assert fed.shape == (2, 12, 12, 3) and fed.dtype == np.uint8
    dataset = TASK.read(folder, None, 0, spec)
    assert dataset.truth(1).shape == (24, 24, 3)  # type: ignore[attr-defined]
    with Image.open(folder / "1.png") as picture:
        middle = picture.crop((3, 10, 27, 34)).resize((12, 12), Image.Resampling.BICUBIC)
    assert np.array_equal(fed[1][:, :, ::-1], np.asarray(middle))


def test_answers_are_levels_of_0_to_255(folder: Path) -> None:
    library = open_library(folder)
    make = TASK.postprocess(EnlargedSpec(output="y", range=1), library)
    output = np.zeros((1, 3, 30, 40), np.float32)
    output[0, :, 0, 0] = [-1, 0.5, 2]
    image = unpacked(np.asarray(make({"y": output}, [0])[0]).tobytes())
    assert image is not None and image[0, 0].tolist() == [0, 128, 255]
    for broken, said in (
        ({"z": output}, "no output 'y'"),
        ({"y": output[:, :, :-1]}, r"shape \(3, 29, 40\) for sample 0, expected \(3, 30, 40\)"),
        ({"y": np.full_like(output, np.nan)}, "not finite for sample 0"),
    ):
        with pytest.raises(WorkError, match=said):
            make(broken, [0])


def test_a_damaged_sample_is_told(folder: Path) -> None:
    library = open_library(folder)
    cached = next((folder.parent / "cache" / "samples").glob("*/0.bin"))
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)
    with pytest.raises(WorkError, match="sample 1 is corrupt"):
        library.load([0, 1])
    cached.write_bytes(content[:-1])
    with pytest.raises(WorkError, match="bytes instead of"):
        ArrayCache.open(cached.parent)
    # It is made again where it can be seen before the run.
    open_library(folder).load([0, 1])


def test_a_folder_that_is_no_data_set_is_bad_input(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="there is no data set folder"):
        TASK.read(tmp_path / "none", None, 0, WHOLE)
    with pytest.raises(InputError, match="found no image"):
        TASK.read(tmp_path, None, 0, WHOLE)
    with pytest.raises(InputError, match=r"a limit of 3 samples does not fit .* has 2"):
        TASK.read(folder, 3, 0, WHOLE)
    with pytest.raises(InputError, match=r"0\.png has 41 x 30 pixels, expected 40 x 40 at least"):
        open_library(folder, EnlargePreprocess(scale=2, size=20))
    with pytest.raises(InputError, match="21 x 21 pixels are compared, expected 25 x 25"):
        scale_7 = EnlargePreprocess(scale=7, size=3)
        TASK.prepare(TASK.read(folder, None, 0, scale_7), scale_7, tmp_path, lambda *_: None)
    with pytest.raises(InputError, match=r"input 'x' takes \[3, 8, 8\], sample"):
        open_library(folder, WHOLE, TensorInfo("x", "float32", (3, 8, 8)))
    (folder / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="does not decode"):
        open_library(folder)


def test_an_answer_is_shown_beside_bicubic(folder: Path) -> None:
    library = open_library(folder)
    dataset = TASK.read(folder, None, 0, WHOLE)
    make = TASK.postprocess(EnlargedSpec(output="y"), library)
    truth = dataset.truth(0)[None].transpose(0, 3, 1, 2)  # type: ignore[attr-defined]
    payload = np.asarray(make({"y": truth.astype(np.float32)}, [0])[0]).tobytes()
    shown = TASK.show(DataSample(dataset, 0), payload)
    assert shown.sample == folder / "0.png"
    assert shown.answer.startswith("40 x 30 pixels, PSNR-Y 100.00 dB (bicubic ")
    (part,) = TASK.explain(dataset, [payload], [{}], None)
    assert part.kind == "before-after" and "PSNR-Y 100.00 dB, bicubic" in part.text
    with pytest.raises(WorkError, match="sample 0 is answered with 2 bytes"):
        TASK.show(DataSample(dataset, 0), b"12")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"scale": 1}, "scale is 1, not from 2"),
        ({"scale": 2, "size": -1}, "not a number of pixels"),
        ({"scale": 2, "colour": "grey"}, "not one of: rgb, bgr"),
        ({"scale": 2, "std": (1.0,)}, "std has 1 numbers"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EnlargePreprocess(**setting)


def test_a_file_is_of_the_task_by_its_larger_image() -> None:
    def found(given: tuple[int, ...], large: tuple[int, ...]) -> Any:
        file = FileModel([TensorInfo("x", "float32", given)], [TensorInfo("y", "float32", large)])
        return TASK.infer(file, None)

    draft = found((3, 64, 64), (3, 256, 256))
    assert draft.preprocess == {"scale": 4, "size": 64} and draft.layout == "NCHW"
    assert found((64, 64, 3), (128, 128, 3)).postprocess["channels"] == "last"
    for given, large in (((3, 64, 64), (3, 64, 64)), ((3, 64, 64), (21, 64, 64)), ((4,), (8,))):
        assert found(given, large) is None


def entry(**changes: Any) -> DeclaredModel:
    given: dict[str, Any] = {
        "classes": 0, "layout": "NCHW", "inputs": [FREE], "outputs": [
            TensorInfo("y", "float32", (3, -1, -1))], "preprocess": WHOLE,
        "postprocess": EnlargedSpec(output="y"), "metric": PSNR,
    }  # fmt: skip
    return DeclaredModel(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"layout": ""}, ["layout"]),
        ({"layout": "NHWC"}, ["inputs"]),
        ({"postprocess": EnlargedSpec(output="z")}, ["outputs"]),
        ({"outputs": [TensorInfo("y", "float32", (1, -1, -1))]}, ["outputs.y"]),
        ({"preprocess": EnlargePreprocess(scale=2, size=8),
          "inputs": [TensorInfo("x", "float32", (3, 8, 8))],
          "outputs": [TensorInfo("y", "float32", (3, 16, 16))]}, []),
        ({"preprocess": EnlargePreprocess(scale=4, size=8),
          "outputs": [TensorInfo("y", "float32", (3, 16, 16))]}, ["outputs.y"]),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_told(changes: dict[str, Any], places: list[str]) -> None:
    assert [one.place for one in TASK.check(entry(**changes))] == places
