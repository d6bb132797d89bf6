"""The other adapters, each on a small folder in the official form."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.adapters.image_mask import IGNORED, ImageMask
from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.registry import ADAPTERS, form_of, form_record
from loadscope.datasets.adapters.volume_mask import VolumeMask
from loadscope.datasets.catalog import catalog, catalog_with
from loadscope.datasets.question_answering.squad_table import read_table
from loadscope.errors import InputError


def picture(path: Path, values: list[list[int]] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if values is None:
        Image.new("RGB", (3, 2)).save(path)
        return
    image = Image.fromarray(np.array(values, np.uint8))
    if path.parent.name == "SegmentationClass":
        # VOC keeps the classes as positions in a palette.
        image = image.convert("P")
        image.putdata(np.ravel(values).tolist())
    image.save(path)


def test_pascal_voc_takes_what_its_list_names_and_ignores_the_borders(tmp_path: Path) -> None:
    for name in ("2007_000033", "2007_000042", "2007_000061"):
        picture(tmp_path / "JPEGImages" / f"{name}.jpg")
        picture(tmp_path / "SegmentationClass" / f"{name}.png", [[0, 255, 20], [1, 1, 0]])
    listed = tmp_path / "ImageSets" / "Segmentation" / "val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("2007_000042\n2007_000033\n")
    form = catalog()["pascal-voc"].form
    pairs = form.read(tmp_path)
    assert [image.stem for image, _ in pairs] == ["2007_000042", "2007_000033"]
    assert form.classes(pairs[0][1]).tolist() == [[0, IGNORED, 20], [1, 1, 0]]
    found = form.look(tmp_path, 21)
    assert (found.samples, found.first["classes in it"]) == (2, "0, 1, 20")
    with pytest.raises(InputError, match=r"class 20 is outside 0\.\.19"):
        form.look(tmp_path, 20)
    (tmp_path / "SegmentationClass" / "2007_000033.png").unlink()
    with pytest.raises(InputError, match=r"2007_000033\.png is missing"):
        form.read(tmp_path)


def test_ade20k_counts_from_one_and_other_does_not_count(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "validation" / "ADE_val_00000001.jpg")
    mask = tmp_path / "annotations" / "validation" / "ADE_val_00000001.png"
    picture(mask, [[0, 1, 150]])
    form = catalog()["ade20k"].form
    assert len(form.read(tmp_path)) == 1
    assert form.classes(mask).tolist() == [[IGNORED, 0, 149]]


def test_cityscapes_ids_become_the_classes_that_are_trained(tmp_path: Path) -> None:
    stem = Path("val", "frankfurt", "frankfurt_000000_000294")
    picture(tmp_path / "leftImg8bit" / f"{stem}_leftImg8bit.png")
    picture(tmp_path / "gtFine" / f"{stem}_gtFine_labelIds.png", [[7, 8, 9, 33]])
    form = catalog()["cityscapes"].form
    ((image, mask),) = form.read(tmp_path)
    assert image.name == "frankfurt_000000_000294_leftImg8bit.png"
    assert form.classes(mask).tolist() == [[0, 1, IGNORED, 18]]


def test_coloured_label_pictures_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.jpg")
    picture(tmp_path / "b" / "1.png")
    form = ImageMask(images="a", masks="b")
    with pytest.raises(InputError, match="kind RGB, not classes"):
        form.look(tmp_path, None)


def test_a_volume_has_its_spacing_and_a_mask_of_its_shape(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.diag([3.0, 0.8, 0.8, 1.0])
    for case in ("case_00002", "case_00000"):
        (tmp_path / case).mkdir()
        nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / case / "imaging.nii.gz")
        mask = nibabel.Nifti1Image((voxels % 3).astype(np.uint8), affine)
        nibabel.save(mask, tmp_path / case / "segmentation.nii.gz")
    form = catalog()["kits19"].form
    pairs = form.read(tmp_path)
    assert [image.parent.name for image, _ in pairs] == ["case_00000", "case_00002"]
    volume = form.volume(pairs[0][0])
    np.testing.assert_array_equal(volume.voxels, voxels.astype(np.float32))
    assert volume.spacing == pytest.approx((3.0, 0.8, 0.8))
    assert form.classes(pairs[0][1]).tolist() == (voxels % 3).tolist()
    assert form.look(tmp_path, 3).first["shape"] == "2 x 3 x 4 voxels of 3 x 0.8 x 0.8 mm"
    with pytest.raises(InputError, match="value 2 is in no class"):
        VolumeMask(class_of={0: 0, 1: 1}).classes(pairs[0][1])
    (tmp_path / "case_00002" / "imaging.nii.gz").unlink()
    with pytest.raises(InputError, match=r"imaging\.nii\.gz is missing"):
        form.read(tmp_path)


QUESTIONS: list[dict[str, Any]] = [
    {"context": "Ada wrote it.", "question": "Who?", "answers": {"text": ["Ada"],
                                                                "answer_start": [0]}},
    {"context": "Ada wrote it.", "question": "What?", "answers": "it"},
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".parquet"])
def test_a_table_of_questions_is_a_question_set(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"dev{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in QUESTIONS))
    elif suffix == ".tsv":
        rows = [("passage", "question", "answer"), ("Ada wrote it.", "Who?", "Ada"),
                ("Ada wrote it.", "What?", "it")]  # fmt: skip
        path.write_text("".join("\t".join(row) + "\n" for row in rows))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        both = [
            {**row, "answers": {"text": [said], "answer_start": [at]}}
            for row, said, at in zip(QUESTIONS, ("Ada", "it"), (0, 10), strict=True)
        ]
        parquet.write_table(pyarrow.Table.from_pylist(both), path)
    read = read_table(path, Manifest(file=path.name) if suffix == ".tsv" else Manifest())
    assert [(one.text, one.answers) for one in read.questions] == [
        ("Who?", ("Ada",)), ("What?", ("it",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"context": "a b", "question": "q", "answers": "c"}, "row 1: 'c' is not in its context"),
        ({"context": "a b", "question": 7, "answers": "a"}, "row 1: question is no text"),
        ({"context": "a b", "question": "q", "answers": []}, "row 1: answers hold no text"),
        ({"context": "a b", "answers": "a"}, "no column question for the question"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    path = tmp_path / "dev.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError) as caught:
        read_table(path, Manifest())
    assert said in caught.value.message.replace("answers[0].text ", "").replace("row 1.", "row 1: ")


def test_several_tables_in_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("a.tsv", "b.jsonl"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"several tables: a\.tsv, b\.jsonl"):
        Manifest().table(tmp_path)


@pytest.mark.parametrize("name", sorted(catalog()))
def test_a_form_is_the_same_after_it_was_recorded(name: str) -> None:
    form = catalog()[name].form
    assert form is None or form_of(json.loads(json.dumps(form_record(form)))) == form


def test_adapters_are_found_by_name() -> None:
    assert {"image-label", "image-mask", "manifest", "volume-mask"} < set(ADAPTERS)


OWN = """schema: 1
datasets:
  flowers:
    task: image-classification
    path: photographs
    form: {adapter: image-label, class_map: [rose, tulip]}
"""


def test_a_users_own_data_set_is_an_entry_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "sets.yaml").write_text(OWN)
    entry = catalog_with([tmp_path / "sets.yaml"])["flowers"]
    assert entry.path == tmp_path / "photographs"
    assert entry.form.names == ("rose", "tulip")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("image-label", "image-lable"), "adapter must be one of: image-label, image-mask"),
        (("class_map: [rose, tulip]", "labels: xml"), "labels is 'xml', not one of"),
        (("adapter: image-label, class_map: [rose, tulip]", "adapter: manifest"),
         "the task image-classification reads ImageLabel"),
        (("task: image-classification", "task: image-clasification"), "unknown task"),
        (("flowers", "mnist"), r"duplicate id"),
        (("path: photographs", "paht: photographs"), "unknown key"),
        (("class_map:", "clas_map:"), "unknown key 'clas_map'; known here: adapter, labels, file"),
        (("class_map: [rose, tulip]", "counted_from: one"), "counted_from: Input should be"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_refused_with_file_and_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "sets.yaml"
    path.write_text(OWN.replace(*change))
    with pytest.raises(InputError) as caught:
        catalog_with([path])
    assert said in str(caught.value)
    assert str(path) in caught.value.message
