"""The grid that windows slide over, and how their answers are put together."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from loadscope.datasets.cache.array_cache_build import prepare_arrays
from loadscope.datasets.volume_segmentation.reshape import (
    linear,
    nearest,
    normalised,
    prepared_mask,
    prepared_volume,
    resampled_shape,
)
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess
from loadscope.datasets.volume_segmentation.windows import (
    COLUMNS,
    VOLUME,
    VolumeWindows,
    window_weights,
)
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

KITS = VolumePreprocess(spacing=(1.6, 1.2, 1.2), clip=(-79, 304), mean=101, std=76.9, pad=-2.2)


@pytest.mark.parametrize("seed", range(4))
def test_resampling_is_that_of_scipys_zoom(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape, spacing = random.integers(3, 12, 3), random.uniform(0.5, 3, 3)
    voxels = random.normal(0, 100, shape).astype(np.float32)
    factors = spacing / KITS.spacing
    expected = ndimage.zoom(voxels, factors, order=1, mode="constant", cval=voxels.min())
    size = resampled_shape(voxels.shape, spacing.tolist(), KITS)
    assert size == expected.shape
    np.testing.assert_allclose(linear(voxels, size), expected, rtol=1e-4, atol=1e-2)
    mask = random.integers(0, 3, shape).astype(np.uint8)
    expected = ndimage.zoom(mask, factors, order=0, mode="constant", cval=0)
    assert np.array_equal(nearest(mask, size), expected)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # Below the window: the border goes on. Then up to 31 of 64 are cut, from 32 on added to.
        (100, 128), (128, 128), (159, 128), (160, 192), (191, 192), (192, 192), (223, 192),
        (224, 256),
    ],
)  # fmt: skip
def test_a_side_is_a_whole_number_of_steps(size: int, expected: int) -> None:
    spec = VolumePreprocess(pad=-2.2)
    voxels = np.full((size, 128, 128), 3, np.float32)
    found = prepared_volume(voxels, (1, 1, 1), spec)
    assert found.shape == (expected, 128, 128)
    added = found[:, 0, 0] == np.float32(-2.2)
    assert added.sum() == (0 if expected < size or size < 128 else expected - size)
    # On both sides alike, one more at the end.
    assert added[: len(added) // 2].sum() == added.sum() // 2
    mask = prepared_mask(np.ones((size, 128, 128), np.uint8), (1, 1, 1), spec)
    assert np.array_equal(mask[:, 0, 0] == 0, added)


def test_values_are_cut_off_and_normalised() -> None:
    voxels = np.array([[[-500, -79, 101, 304, 900]]], np.float32)
    expected = (np.array([-79, -79, 101, 304, 304]) - 101) / 76.9
    np.testing.assert_allclose(normalised(voxels, KITS).ravel(), expected, rtol=1e-6)
    spec = VolumePreprocess(quantiles=(0.25, 0.75), mean=1, std=2)
    values = np.array([[[0, 1, 2, 3, 4]]], np.float32)
    # Cut at 1 and 3: 0, 0, 0.5, 1, 1 of mean 0.5 and deviation 0.5.
    expected = (np.array([-1, -1, 0, 1, 1]) - 1) / 2
    np.testing.assert_allclose(normalised(values, spec).ravel(), expected, rtol=1e-6)


def test_a_whole_scan_goes_into_one_window_by_its_nearest_voxels() -> None:
    spec = VolumePreprocess(window=(2, 4, 3), fit=True)
    mask = np.arange(4 * 4 * 6, dtype=np.uint8).reshape(4, 4, 6)
    assert np.array_equal(prepared_mask(mask, (1, 1, 1), spec), mask[1::2, :, 1::2])


def test_weights_are_the_references() -> None:
    weights = window_weights(VolumePreprocess(window=(16, 16, 16)))
    # The definition, once more: a cube root of a product of Gaussians of deviation 2.
    row = np.exp(-0.5 * ((np.arange(16) - 7.5) / 2) ** 2)
    expected = np.cbrt(np.outer(np.outer(row, row), row).reshape(16, 16, 16))
    np.testing.assert_allclose(weights, expected / expected.max(), rtol=1e-5)
    assert (window_weights(VolumePreprocess(window=(4, 4, 4), weights="uniform")) == 1).all()


SPEC = VolumePreprocess(window=(4, 4, 4), weights="uniform")


@pytest.fixture
def library(tmp_path: Any) -> VolumeWindows:
    volume = np.random.default_rng(1).normal(size=(8, 4, 6)).astype(np.float32)
    prepared = prepare_arrays(
        tmp_path, {"preprocess": SPEC.material()}, COLUMNS, [{VOLUME: volume}], 1, 0,
        lambda *_: None,
    )  # fmt: skip
    found = VolumeWindows(prepared, SPEC, [TensorInfo("x", "float32", (1, 4, 4, 4))])
    found.load([0])
    return found


def test_windows_are_put_together_by_their_weights(library: VolumeWindows) -> None:
    seen = []

    def predict(batch: Any) -> Any:
        seen.append(batch["x"])
        # The first window answers 0, the second 1, and so on; and with what it saw.
        number = np.full_like(batch["x"], len(seen) - 1)
        return {"y": np.concatenate([number, batch["x"]], axis=1)}

    found = library.outputs(predict, 0)["y"]
    assert len(seen) == 6 and seen[0].shape == (1, 1, 4, 4, 4)
    assert found.shape == (1, 2, 8, 4, 6)
    # What each window sees of a voxel is the same.
    whole = library._loaded[0]
    np.testing.assert_allclose(found[0, 1], whole, rtol=1e-5)
    assert np.array_equal(seen[1][0, 0], whole[:4, :, 2:])
    # Windows 0 and 1 share columns 2 and 3, windows 2 and 3 lie two rows on.
    assert found[0, 0, 0, 0].tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert found[0, 0, 2, 0].tolist() == [1, 1, 1.5, 1.5, 2, 2]
    assert np.array_equal(library.batch([0])["x"][0, 0], whole[2:6, :, 2:])


def test_an_output_of_another_shape_is_refused(library: VolumeWindows) -> None:
    with pytest.raises(WorkError, match=r"output 'y' has shape \(1, 2\) for a window"):
        library.outputs(lambda batch: {"y": np.zeros((1, 2))}, 0)
    library.unload([0])
    with pytest.raises(WorkError, match="sample 0 was asked for but is not loaded"):
        library.outputs(lambda batch: batch, 0)


def test_a_model_of_other_windows_is_refused(library: VolumeWindows) -> None:
    with pytest.raises(InputError, match=r"expected one input of windows, float32 \[1, 4, 4, 4\]"):
        VolumeWindows(library._cache.folder, SPEC, [TensorInfo("x", "float32", (1, 8, 8, 8))])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"window": (4, 4)}, "not three sides"),
        ({"spacing": (1.0, 0.0, 1.0)}, "not three lengths"),
        ({"spacing": (1.0, 1.0, 1.0), "fit": True}, "spacing has no meaning where fit"),
        ({"clip": (2.0, 1.0)}, "not a lower and a higher"),
        ({"quantiles": (0.1, 2.0)}, "not from 0 to 1"),
        ({"clip": (0.0, 1.0), "quantiles": (0.1, 0.2)}, "no meaning beside quantiles"),
        ({"std": 0.0}, "std is 0"),
        ({"overlap": 1.0}, "overlap is 1"),
        ({"window": (2, 2, 2), "overlap": 0.9}, "overlap is 0.9"),
        ({"weights": "middle"}, "not gaussian or uniform"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VolumePreprocess(**setting)
