"""Each kind of labels, on a small folder in the official form."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.adapters.image_label import ImageLabel
from loadscope.datasets.cache.packed_files import read_sample
from loadscope.datasets.image_classification import TASK
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_decode import decode
from loadscope.datasets.images.image_library import ImageLibrary
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.task import Answer, DataSample
from loadscope.errors import InputError

Photograph = Callable[[int, int, int], bytes]


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (4, 28, 28), np.uint8)


@pytest.fixture
def mnist(tmp_path: Path, pictures: NDArray[np.uint8]) -> Path:
    """MNIST's test set beside a training set, as both are downloaded."""
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", pictures)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([7, 2, 1, 0], np.uint8))
    write_idx(tmp_path / "train-images-idx3-ubyte", pictures[:2])
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([5, 0], np.uint8))
    return tmp_path


def labels(path: Path, classes: int = 10, **form: Any) -> list[int]:
    found: list[int] = ImageNet.read(path, None, classes, form=ImageLabel(**form)).labels().tolist()
    return found


def test_idx_files_are_a_data_set_of_its_pictures(
    mnist: Path, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    dataset = ImageNet.read(mnist, classes=10)
    assert dataset.labels().tolist() == [7, 2, 1, 0]
    for name, picture in zip(dataset.names, pictures, strict=True):
        pixels = decode(read_sample(dataset.images / name))
        np.testing.assert_array_equal(pixels, np.repeat(picture[:, :, None], 3, axis=2))
    shown = TASK.show(DataSample(dataset, 1), np.array([2], "<f4").tobytes())
    assert shown.sample == "t10k-images-idx3-ubyte.gz#idx:1"


def test_grey_pictures_reach_the_model_as_one_channel(
    mnist: Path, pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    preprocess = ImagePreprocess(
        geometry="resize-then-crop", short_side=28, size=28, resampler="pillow-bilinear",
        colour="grey", mean=(127.5,), std=(127.5,),
    )  # fmt: skip
    dataset = ImageNet.read(mnist, classes=10)
    prepared = TASK.prepare(dataset, preprocess, tmp_path / "cache", lambda *_: None, workers=1)
    library = ImageLibrary(prepared, preprocess, "images", "NCHW")
    library.load([0, 1, 2, 3])
    batch = library.batch([0, 1, 2, 3])["images"]
    np.testing.assert_allclose(batch[:, 0], (pictures - 127.5) / 127.5, rtol=1e-6)


def test_another_file_of_a_folder_is_named(mnist: Path) -> None:
    assert labels(mnist, labels="idx", file="train-images-idx3-ubyte") == [5, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8)),
         "3 labels, t10k-images-idx3-ubyte.gz 4 pictures"),
        (lambda folder: (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"\0\0\x08\x03"),
         "no IDX file"),
        (lambda folder: (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bx"),
         "is damaged"),
        (lambda folder: (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"no"), "no IDX file"),
    ],
)  # fmt: skip
def test_damaged_idx_files_are_refused(
    mnist: Path, change: Callable[[Path], object], said: str
) -> None:
    change(mnist)
    with pytest.raises((InputError, ValueError), match=said):
        ImageNet.read(mnist, classes=10)


def test_a_label_that_the_model_does_not_know_is_refused(mnist: Path) -> None:
    with pytest.raises(InputError, match=r"label 0: class 7 is outside 0..6"):
        ImageNet.read(mnist, classes=7)


@pytest.mark.parametrize(("file", "before"), [("test_batch.bin", 1), ("test.bin", 2)])
def test_cifar_binary_files_have_planes_and_the_fine_label(
    tmp_path: Path, file: str, before: int
) -> None:
    rows = np.random.default_rng(3).integers(0, 10, (3, before + 3072), np.uint8)
    (tmp_path / file).write_bytes(rows.tobytes())
    dataset = ImageNet.read(tmp_path, classes=10)
    assert dataset.labels().tolist() == rows[:, before - 1].tolist()
    pixels = decode(read_sample(dataset.images / dataset.names[2]))
    assert pixels.shape == (32, 32, 3)
    assert pixels[5, 7].tolist() == [
        rows[2, before + plane * 1024 + 5 * 32 + 7] for plane in range(3)
    ]
    (tmp_path / file).write_bytes(rows.tobytes()[:-1])
    with pytest.raises(InputError, match="no whole number of rows"):
        ImageNet.read(tmp_path, classes=10)


@pytest.fixture
def photographs(tmp_path: Path, photograph: Photograph) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(photograph(number, 20, 30))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("labels.csv", "image,label\n0.jpg,2\n1.jpg,0\n2.jpg,1\n", [2, 0, 1]),
        ("labels.csv", "filename,class\n0.jpg,dog\n1.jpg,ant\n2.jpg,cat\n", [2, 0, 1]),
        ("labels.tsv", "path\tcategory\n2.jpg\tb\n0.jpg\ta\n1.jpg\tc\n", [1, 0, 2]),
        ("labels.jsonl", '{"file": "1.jpg", "label": 1}\n\n{"file": "0.jpg", "label": 2}\n',
         [1, 2]),
        ("val.txt", "0.jpg 1\n2.jpg 0\n", [1, 0]),
    ],
)  # fmt: skip
def test_tables_and_lists_name_images_and_classes(
    photographs: Path, name: str, text: str, wanted: list[int]
) -> None:
    (photographs / name).write_text(text)
    assert labels(photographs, 3) == wanted


def test_a_class_map_gives_names_their_numbers_whatever_their_order(photographs: Path) -> None:
    (photographs / "l.csv").write_text("image,label\n0.jpg,zebra\n1.jpg,ant\n")
    assert labels(photographs, 5, class_map=("zebra", "cat", "ant")) == [0, 2]
    with pytest.raises(InputError, match="class 'ant' is not in the class map"):
        labels(photographs, 5, class_map=("zebra", "cat"))


def test_columns_and_the_first_class_are_said_in_the_form(photographs: Path) -> None:
    (photographs / "l.csv").write_text("id,what\n0.jpg,1\n2.jpg,3\n")
    with pytest.raises(InputError, match=r"no column image or .* for the image"):
        labels(photographs, 3)
    columns = {"image": "id", "label": "what"}
    assert labels(photographs, 3, columns=columns, counted_from=1) == [0, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,label\n0.jpg,1\n1.jpg,dog\n", r"l\.csv:3: label 'dog' stands among numbers"),
        ("image,label\n0.jpg,a\n1.jpg,b\n", "2 names of classes, the model tells 3 apart"),
        ("image,label\n0.jpg,9\n", r"l\.csv:2: class 9 is outside 0..2"),
        ("image,label\n../0.jpg,1\n", "leaves the image folder"),
        ("image,label\n0.jpg,1\n0.jpg,2\n", "named already on line 2"),
        ("image,label\n0.jpg\n", "1 fields, the first line names 2"),
        ("image,label\n7.jpg,1\n", "7.jpg is missing"),
        ("image,label\n", "names no image"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(photographs: Path, text: str, said: str) -> None:
    (photographs / "l.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        labels(photographs, 3)


def test_labels_of_several_kinds_are_refused(photographs: Path) -> None:
    (photographs / "l.csv").write_text("image,label\n0.jpg,1\n")
    (photographs / "val_map.txt").write_text("0.jpg 1\n")
    with pytest.raises(
        InputError, match=r"labels of several kinds: val_map.txt .*, l.csv"
    ) as caught:
        labels(photographs, 3)
    assert "--datasets" in caught.value.fix
    assert labels(photographs, 3, labels="label-map") == [1]


def test_parquet_holds_the_images_themselves(tmp_path: Path, photograph: Photograph) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows: list[dict[str, Any]] = [
        {"image": {"bytes": photograph(number, 20, 30), "path": None}, "label": number}
        for number in range(3)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    dataset = ImageNet.read(tmp_path, classes=3)
    assert dataset.labels().tolist() == [0, 1, 2]
    assert read_sample(dataset.images / dataset.names[1]) == rows[1]["image"]["bytes"]
    assert len(dataset.digest()) == 64


@pytest.fixture
def folders(tmp_path: Path, photograph: Photograph) -> Callable[..., Path]:
    def make(*names: str) -> Path:
        for number, name in enumerate(names):
            (tmp_path / name).mkdir()
            (tmp_path / name / f"{number}.jpeg").write_bytes(photograph(number, 20, 30))
        return tmp_path

    return make


def test_folders_named_by_numbers_are_the_classes_of_imagenet_v2(folders: Any) -> None:
    folder = folders("0", "10", "9", "999")
    assert labels(folder, 1000, labels="class-folders", class_map="numbers") == [0, 10, 9, 999]
    with pytest.raises(InputError, match=r"class 999 is outside 0..998"):
        labels(folder, 999, labels="class-folders", class_map="numbers")


def test_answers_to_imagenet_a_are_chosen_among_its_classes(folders: Any) -> None:
    form = ImageLabel(class_map="imagenet-synsets", present_only=True)
    dataset = ImageNet.read(folders("n01498041", "n01440764"), classes=1000, form=form)
    assert dataset.labels().tolist() == [6, 0]
    assert dataset.answer_form.among == (0, 6)
    spec = TASK.postprocess_type(kind="argmax", output="logits")
    scores = np.zeros((1, 1000), np.float32)
    scores[0, [5, 6, 0]] = 9, 2, 1
    library: Any = None
    payloads = TASK.postprocess(spec, library, dataset.answer_form)({"logits": scores}, [0])
    # Class 5 scores best, and is none of the data set's.
    assert np.asarray(payloads).tolist() == [[6]]


def test_real_labels_have_any_number_of_right_classes(
    tmp_path: Path, photograph: Photograph
) -> None:
    (tmp_path / "val").mkdir()
    for number in range(3):
        (tmp_path / "val" / f"ILSVRC2012_val_0000000{number}.JPEG").write_bytes(
            photograph(number, 20, 30)
        )
    (tmp_path / "real.json").write_text(json.dumps([[1, 5], [], [7]]))
    dataset = ImageNet.read(tmp_path, classes=1000, form=ImageLabel(labels="real-labels"))
    answers = [(0, 5), (1, 3), (2, 8)]
    score = dataset.score(Answer(at, np.array([c], "<f4").tobytes()) for at, c in answers)
    # The second image has no label; of the other two one is right.
    assert (score.value, score.samples) == (50.0, 2)
    (tmp_path / "real.json").write_text("[[1]]")
    with pytest.raises(InputError, match="labels of 1 images"):
        ImageNet.read(tmp_path, form=ImageLabel(labels="real-labels"))


def test_a_folder_is_looked_at_without_a_model(photographs: Path) -> None:
    found = ImageLabel().look(photographs, None)
    assert (found.samples, found.classes) == (3, None)
    assert "performance alone" in found.remarks[0]


def test_unknown_settings_of_a_form_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels is 'xml', not one of: .*cifar"):
        ImageLabel(labels="xml")
    with pytest.raises(ValueError, match="columns are of image and label"):
        ImageLabel(columns={"text": "x"})
