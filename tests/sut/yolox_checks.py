"""Tests that import PyTorch; ``test_frameworks.py`` runs them in a process of their own."""

import pytest
import torch

from loadscope.datasets.object_detection.detection_heads import yolox_anchors
from loadscope.sut.architectures.yolox import YoloxNano


@pytest.mark.parametrize(("classes", "size"), [(80, 64), (3, 96)])
def test_there_is_a_row_for_every_cell_of_three_grids(classes: int, size: int) -> None:
    with torch.inference_mode():
        rows = YoloxNano(classes, size).eval()(torch.rand(2, 3, size, size))
    assert rows.shape == (2, yolox_anchors(size), 5 + classes)


def test_scores_are_probabilities() -> None:
    with torch.inference_mode():
        rows = YoloxNano(3, 64).eval()(255 * torch.rand(1, 3, 64, 64))
    assert (rows[..., 4:] >= 0).all()
    assert (rows[..., 4:] <= 1).all()


def test_yolox_nano_has_the_published_number_of_weights() -> None:
    # 0.91 M in YOLOX's README, of which the folded batch norms are no longer counted.
    count = sum(weight.numel() for weight in YoloxNano(80, 416).parameters())
    assert count == pytest.approx(0.91e6, rel=0.01)


def test_a_side_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="a multiple of 32, not 100"):
        YoloxNano(80, 100)
