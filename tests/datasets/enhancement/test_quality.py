"""PSNR and SSIM worked by hand, and the score of whole logs."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.datasets.image_enhancement.enlarged import packed
from loadscope.datasets.image_enhancement.enlarged_score import compared, score_enlarged
from loadscope.datasets.image_enhancement.quality import MOST_DB, luma, psnr, ssim
from loadscope.datasets.image_enhancement.shrink import enlarged, shrunk
from loadscope.datasets.task import Answer
from loadscope.errors import WorkError

Pixels = NDArray[np.uint8]


def photograph(seed: int, height: int = 40, width: int = 48) -> Pixels:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    return enlarged(small, 8)


def test_luma_is_that_of_bt_601_in_8_bits() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]], np.uint8)
    assert luma(colours)[0] == pytest.approx([16, 235, 81.481, 40.966])


def test_psnr_worked_by_hand() -> None:
    a = np.zeros((2, 2))
    # Errors of 0, 0, 0 and 10: a mean square of 25.
    b = np.array([[0, 0], [0, 10.0]])
    assert psnr(a, b) == pytest.approx(10 * math.log10(255 * 255 / 25))
    assert psnr(a, a) == MOST_DB


def test_ssim_of_constants_is_the_formula_s_first_part() -> None:
    a, b = np.full((12, 13), 100.0), np.full((12, 13), 120.0)
    c1 = 2.55**2
    assert ssim(a, b) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))
    assert ssim(a, a) == pytest.approx(1)


def test_ssim_of_one_window_is_the_weighted_sum() -> None:
    random = np.random.default_rng(2)
    a, b = random.uniform(0, 255, (2, 11, 11))
    row = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weights = np.outer(row, row) / row.sum() ** 2
    mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
    var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
    both = (weights * (a - mean_a) * (b - mean_b)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    expected /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    assert ssim(a, b) == pytest.approx(expected)
    with pytest.raises(ValueError, match="11 pixels a side"):
        ssim(a[:10], b[:10])


def test_borders_do_not_count() -> None:
    true = photograph(1)
    changed = true.copy()
    changed[:2], changed[-2:], changed[:, :2], changed[:, -2:] = 0, 255, 255, 0
    assert compared(changed, true, 2).psnr == MOST_DB
    changed[2, 2] ^= 255
    assert compared(changed, true, 2).psnr < MOST_DB


def test_a_score_is_a_mean_over_images_and_says_what_it_is_worth() -> None:
    truths = [photograph(seed) for seed in (1, 2)]
    bicubic = [enlarged(shrunk(each, 4), 4) for each in truths]
    near = [
        ((a.astype(int) + b) // 2).astype(np.uint8) for a, b in zip(truths, bicubic, strict=True)
    ]

    def score(images: list[Pixels]) -> "tuple[float, str, dict[str, float]]":
        given = [Answer(at, packed(image).tobytes()) for at, image in enumerate(images)]
        found = score_enlarged(given[::-1], truths.__getitem__, 2, 4)
        assert found.remark.split(":")[0] in found.line
        return found.value, found.remark, found.details

    value, remark, details = score(near)
    each = [compared(a, b, 4) for a, b in zip(near, truths, strict=True)]
    assert value == pytest.approx((each[0].psnr + each[1].psnr) / 2)
    assert remark.startswith("better than bicubic: PSNR +") and details["better_images"] == 2
    _, remark, details = score(bicubic)
    assert remark == "NO BETTER than bicubic: PSNR +0.00 dB, SSIM +0.0000"
    assert details["psnr"] == details["bicubic_psnr"]
    _, remark, _ = score([np.full_like(each, 128) for each in truths])
    assert remark.startswith("NO BETTER than bicubic: PSNR -")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(0, packed(photograph(1)).tobytes())], "sample 1 is not answered"),
        ([(7, b"")], "sample 7 is not among the 2 samples"),
        ([(0, b"12345")], "sample 0 is answered with 5 bytes, no image, expected 48 x 40"),
        ([(0, packed(photograph(1)[:-1]).tobytes())], "answered with 48 x 39 pixels, expected 48"),
    ],
)
def test_what_is_no_answer_is_refused(answers: list[tuple[int, bytes]], said: str) -> None:
    samples = 2 if "sample" in said and "bytes" not in said else 1
    with pytest.raises(WorkError, match=said):
        score_enlarged([Answer(*each) for each in answers], lambda index: photograph(1), samples, 2)
