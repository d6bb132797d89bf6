"""Tests of PyTorch's quantisation; ``test_frameworks.py`` runs them beside its others."""

import dataclasses

import numpy as np
import pytest
import torch
from tests.sut.small_network import LITE, described
from torch import nn

from loadscope.errors import InputError
from loadscope.sut.architectures.state_dict import load_network
from loadscope.sut.backend import TensorInfo
from loadscope.sut.pytorch import quantize as quantizer
from loadscope.sut.pytorch.formats import load_torchscript

torch.set_num_threads(1)

SIDE = 64


@pytest.fixture(scope="module")
def network(small, tmp_path_factory):
    """The small network, normalised to its inputs, with a good part of its numbers past 6."""
    network = load_network(LITE, 10, SIDE, small.path)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.weight.data.fill_(3 if name.endswith("_bn1") else 1)
    network.train()
    with torch.no_grad():
        for seed in range(4):
            network(torch.from_numpy(images(8, seed)))
    path = tmp_path_factory.mktemp("quantize") / "wide.pth"
    torch.save(network.state_dict(), path)
    return dataclasses.replace(
        described(path), inputs=(TensorInfo("images", "float32", (3, SIDE, SIDE)),)
    )


def images(count, seed):
    noise = np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIDE, SIDE))
    return noise.astype(np.float32)


@pytest.fixture(scope="module")
def program(network, tmp_path_factory):
    output = tmp_path_factory.mktemp("quantize") / "wide.pt"
    quantizer.quantize(
        network, lambda: ({"images": one[None]} for one in images(8, seed=1)), output
    )
    return load_torchscript(
        dataclasses.replace(network, path=output, format="torchscript", architecture="")
    )


def largest_before_clips(network, batch):
    """The largest number that a ``ReLU6`` is given."""
    seen = []
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.register_forward_pre_hook(lambda _, given: seen.append(float(given[0].max())))
    network(batch)
    return max(seen)


def test_its_answers_are_near_those_of_the_network_that_clips_at_six(network, program):
    batch = torch.from_numpy(images(16, seed=2))
    plain = load_network(LITE, 10, SIDE, network.path)
    with torch.no_grad():
        assert largest_before_clips(plain, batch) > 8
        wanted, found = plain(batch), program(batch)
        for module in plain.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU6):
                    setattr(module, name, nn.ReLU())
        unclipped = plain(batch)
    spread = float(wanted.std())
    # Seeded networks enlarge what is rounded; a trained one loses far less.
    assert float((found - wanted).abs().mean()) < 0.6 * spread
    # Had the clips been lost, the answers would be these.
    assert float((unclipped - wanted).abs().mean()) > 3 * spread


def test_its_convolutions_are_joined_with_what_clips(program):
    kinds = [node.kind() for node in program.inlined_graph.nodes()]
    assert kinds.count("quantized::conv2d_relu") == 33
    assert kinds.count("quantized::conv2d") == 16
    assert not [kind for kind in kinds if kind in ("aten::hardtanh", "aten::relu6", "aten::relu")]


def test_no_two_weights_of_a_channel_overflow_sixteen_bits():
    random = torch.Generator().manual_seed(1)
    weights = [
        torch.randn(shape, generator=random) for shape in ((16, 8, 3, 3), (32, 1, 5, 5), (10, 64))
    ]
    weights += [torch.tensor([[1.0, 1.0], [1.0, -1.0], [1.0, 0.0], [0.0, 0.0]]), torch.ones(4, 1)]
    for one in weights:
        observer = quantizer.PairObserver(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
        observer(one)
        scales, zeros = observer.calculate_qparams()
        assert not zeros.any()
        rounded = (one.flatten(1) / scales[:, None]).round().clamp(-128, 127).int()
        two = rounded.abs().topk(min(2, one[0].numel()), dim=1).values
        assert 255 * int(two.sum(1).max()) <= np.iinfo(np.int16).max
        # A weight that stands alone has the whole range.
        assert int(two.max()) >= 63


def test_a_network_with_a_choice_in_it_is_refused(network, monkeypatch, tmp_path):
    class Choice(nn.Module):
        def forward(self, images):
            return images if images.sum() > 0 else -images

    monkeypatch.setattr(quantizer, "open_model", lambda _: (Choice(), ["images"]))
    with pytest.raises(InputError, match=f"PyTorch cannot quantise {LITE}: ") as caught:
        quantizer.quantize(
            network, lambda: iter([{"images": images(1, seed=1)}]), tmp_path / "none.pt"
        )
    assert "another framework" in caught.value.fix


def test_what_its_kernels_cannot_have_is_refused(network, monkeypatch, tmp_path):
    class Mean(nn.Module):
        """A mean over a map of one number."""

        def __init__(self):
            super().__init__()
            self.whole = nn.Conv2d(3, 4, SIDE)

        def forward(self, images):
            return self.whole(images).mean((2, 3))

    monkeypatch.setattr(quantizer, "open_model", lambda _: (Mean().eval(), ["images"]))
    with pytest.raises(InputError, match=f"PyTorch cannot quantise {LITE}: required") as caught:
        quantizer.quantize(
            network, lambda: iter([{"images": images(1, seed=1)}]), tmp_path / "none.pt"
        )
    assert "another framework" in caught.value.fix and "\n" not in caught.value.message
