"""From a scan and its mask to the grid that windows slide over, and from values to what is fed.

The order is that of MLPerf's reference for KiTS19: one spacing, clipped and normalised values, at
least a window on each side, and a whole number of steps, for which up to half a step is cut off or
the rest of a step added, on both sides alike.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess

V = TypeVar("V", np.uint8, np.float32)


def prepared_volume(
    voxels: NDArray[np.float32], spacing: Sequence[float], spec: VolumePreprocess
) -> NDArray[np.float32]:
    """What windows are cut out of.

    Args:
        voxels: The scan, three axes.
        spacing: Millimetres from voxel to voxel along each.
        spec: What is done to it.

    Returns:
        The scan, normalised, of ``grid_shape`` of its shape.
    """
    if spec.fit:
        return normalised(nearest(voxels, spec.window, halves=True), spec)
    shape = resampled_shape(voxels.shape, spacing, spec)
    values = normalised(linear(voxels, shape) if spec.spacing else voxels, spec)
    return _on_grid(values, spec, spec.pad)


def prepared_mask(
    classes: NDArray[np.uint8], spacing: Sequence[float], spec: VolumePreprocess
) -> NDArray[np.uint8]:
    """What answers are held against, likewise; added voxels are of class 0."""
    if spec.fit:
        return nearest(classes, spec.window, halves=True)
    shape = resampled_shape(classes.shape, spacing, spec)
    return _on_grid(nearest(classes, shape) if spec.spacing else classes, spec, 0)


def resampled_shape(
    shape: Sequence[int], spacing: Sequence[float], spec: VolumePreprocess
) -> tuple[int, ...]:
    """The shape of a scan at the spacing asked for, as ``scipy.ndimage.zoom`` rounds it."""
    if not spec.spacing:
        return tuple(shape)
    return tuple(
        max(1, round(size * own / wanted))
        for size, own, wanted in zip(shape, spacing, spec.spacing, strict=True)
    )


def normalised(voxels: NDArray[np.float32], spec: VolumePreprocess) -> NDArray[np.float32]:
    """Values cut off and brought to those that a network was trained on."""
    values = voxels.astype(np.float32)
    if spec.clip:
        lowest, highest = spec.clip
        values = values.clip(lowest, highest)
    if spec.quantiles:
        low, high = np.quantile(values, spec.quantiles)
        values = ((values - low) / max(high - low, np.finfo(np.float32).tiny)).clip(0, 1)
        # The deviation of a sample, as PyTorch has it.
        values = (values - values.mean()) / max(values.std(ddof=1), np.finfo(np.float32).tiny)
    return ((values - np.float32(spec.mean)) / np.float32(spec.std)).astype(np.float32)


def linear(voxels: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """A scan of another shape, first and last voxel in place, linear between voxels."""
    found = voxels.astype(np.float32)
    for axis, size in enumerate(shape):
        before = found.shape[axis]
        if size == before:
            continue
        at = _places(before, size)
        low = np.floor(at).astype(np.intp).clip(0, max(0, before - 2))
        high = np.minimum(low + 1, before - 1)
        part = (at - low).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(3)])
        found = found.take(low, axis) * (1 - part) + found.take(high, axis) * part
    return found


def nearest(voxels: NDArray[V], shape: Sequence[int], halves: bool = False) -> NDArray[V]:
    """A scan of another shape, each voxel the nearest one.

    Args:
        voxels: The scan.
        shape: The other shape.
        halves: Whether voxels are cells, whose middles are held against each other; otherwise
            they are points, first and last in place.
    """
    if voxels.flags.f_contiguous and not voxels.flags.c_contiguous:
        # As NIfTI files are read: slices along the first axis would be gathered byte by byte.
        return nearest(voxels.T, shape[::-1], halves).T
    found = voxels
    # Axes that shrink come first, so that less is left for the others; the result is the same.
    for axis in sorted(range(3), key=lambda one: shape[one] / voxels.shape[one]):
        before, size = found.shape[axis], shape[axis]
        if halves:
            at = ((2 * np.arange(size) + 1) * before) // (2 * size)
        else:
            at = np.floor(_places(before, size) + 0.5).astype(np.intp)
        found = found.take(at.clip(0, before - 1), axis)
    return found


def _places(before: int, size: int) -> NDArray[np.float64]:
    return np.arange(size) * ((before - 1) / max(1, size - 1))


def _on_grid(values: NDArray[V], spec: VolumePreprocess, pad: float) -> NDArray[V]:
    """Cut off or add at both ends, so that windows step over a whole number of times."""
    small = [max(0, side - size) for side, size in zip(spec.window, values.shape, strict=True)]
    # What a window needs at least goes on as the border is.
    values = np.pad(values, [(rest // 2, rest - rest // 2) for rest in small], mode="edge")
    cuts, adds = [], []
    for size, side, step in zip(values.shape, spec.window, spec.steps, strict=True):
        over = size % step
        cut = over if over < step // 2 else 0
        left = size - cut
        add = -left % step
        if left + add < side:
            add += step
        # Windows of which the step is no divisor end where the last step does.
        add += -(left + add - side) % step
        cuts.append(slice(cut // 2, size - (cut - cut // 2)))
        adds.append((add // 2, add - add // 2))
    return np.pad(values[tuple(cuts)], adds, constant_values=pad)
