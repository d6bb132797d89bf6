"""Tests of PyTorch's quantiser; ``test_frameworks.py`` runs them in a process of their own."""

import pytest
import torch
from torch import nn
from torch.ao.quantization.quantize_fx import prepare_fx

from loadscope.sut.pytorch.quantize import _narrow, _settings

# What torch.ao says of its own future.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.ao.quantization:DeprecationWarning")


class Clipped(nn.Module):
    """A product behind ReLU6, and one that is taken before it too."""

    def __init__(self):
        super().__init__()
        self.alone, self.shared = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
        for each, weight in ((self.alone, 20.0), (self.shared, -30.0)):
            nn.init.constant_(each.weight, weight)
            nn.init.zeros_(each.bias)

    def forward(self, x):
        """Map ``(batch, 1, side, side)`` to the same."""
        other = self.shared(x)
        return nn.functional.relu6(self.alone(x)) + nn.functional.relu6(other) + other


def test_bits_are_left_to_what_relu6_lets_through_where_nothing_else_takes_it():
    images = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
    with torch.no_grad():
        prepared = prepare_fx(Clipped().eval(), _settings(), (images,))
        prepared(images)
        _narrow(prepared)
    ranges = {
        str(node.args[0]): (found.min_val.item(), found.max_val.item())
        for node in prepared.graph.nodes
        if "post_process" in str(node.target)
        and (found := prepared.get_submodule(node.target)).min_val.numel() == 1
    }
    assert ranges["alone"] == (0, 6)
    assert ranges["shared"] == pytest.approx((-30, 30))


def test_weights_have_seven_bits_for_each_channel_and_activations_eight():
    chosen = _settings().global_qconfig
    weights, activations = chosen.weight(), chosen.activation()
    assert (weights.quant_min, weights.quant_max, weights.ch_axis) == (-64, 63, 0)
    assert (activations.quant_min, activations.quant_max) == (0, 255)
    # Two products in the 16 bits of processors without VNNI.
    assert 2 * 255 * 64 < 2**15
