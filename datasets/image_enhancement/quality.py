"""How near an image is to another one: PSNR and SSIM of the luma."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_DB = 100.0
"""PSNR of equal images, which is infinite; float64 would not tell more apart."""

_WINDOW, _SIGMA = 11, 1.5
_STRIP = 64
"""Rows that are looked at together: what comes between fits into a processor's cache."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def luma(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The luma ``(height, width)`` of an RGB image, 16 to 235 (ITU-R BT.601, 8 bits)."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return np.asarray(16 + image.astype(np.float64) @ weights)


def psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Peak signal to noise ratio of two images of one size, in dB; ``MOST_DB`` at most."""
    error = float(np.mean((a - b) ** 2))
    return MOST_DB if error == 0 else min(MOST_DB, 10 * math.log10(255**2 / error))


def ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Structural similarity of two images of one size, at most 1.

    Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004:
    a Gaussian window of 11 x 11 and sigma 1.5, K1 0.01, K2 0.03, the mean over the windows that
    lie inside the image whole.

    Raises:
        ValueError: An image is smaller than a window.
    """
    if min(a.shape) < _WINDOW:
        raise ValueError(f"expected images of {_WINDOW} pixels a side at least, got {a.shape}")
    around = _WINDOW - 1
    rows = len(a) - around
    total = 0.0
    for start in range(0, rows, _STRIP):
        strip = slice(start, min(start + _STRIP, rows) + around)
        total += float(_likeness(a[strip], b[strip]).sum())
    return total / (rows * (a.shape[1] - around))


def _likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarity of each window inside two images."""
    mean_a, mean_b = _smooth(a), _smooth(b)
    product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    both = _smooth(a * b) - product
    variances = _smooth(a * a + b * b) - squares
    found: NDArray[np.float64] = (2 * product + _C1) * (2 * both + _C2)
    found /= (squares + _C1) * (variances + _C2)
    return found


def _smooth(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gaussian mean of each window inside the image."""
    kernel, half = cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F), _WINDOW // 2
    whole = cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)
    return np.asarray(whole[half:-half, half:-half], np.float64)
