from pathlib import Path

import cv2
import numpy as np
import pytest

from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.datasets.images.image_decode import decode
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.registry import task
from loadscope.sut.backend import TensorInfo

pytestmark = pytest.mark.real_data


def test_all_photographs_are_prepared_and_loaded(
    real_data: Path, tmp_path: Path, preprocess: ImagePreprocess
) -> None:
    kind = task("image-classification")
    dataset = kind.read(real_data / "imagenet", None, 1000)
    assert len(dataset) == 200
    folder = kind.prepare(dataset, preprocess, tmp_path, lambda *_: None)
    images = TensorInfo("images", "float32", (224, 224, 3))
    library = kind.library(folder, preprocess, (images,), "NHWC")
    library.load(range(200))
    batch = library.batch(range(200))["images"]
    assert batch.shape == (200, 224, 224, 3)
    assert batch.min() == -127 / 128
    assert batch.max() == 1.0
    # No two photographs are alike, and none came out flat.
    assert len({image.tobytes() for image in batch}) == 200
    assert all(image.std() > 0.05 for image in batch)


def test_every_photograph_is_decoded_as_opencv_reads_it(real_data: Path) -> None:
    dataset = ImageNet.read(real_data / "imagenet")
    for name in dataset.names:
        path = dataset.images / name
        by_opencv = cv2.imread(str(path))
        assert by_opencv is not None
        np.testing.assert_array_equal(decode(path), by_opencv[:, :, ::-1])
