"""Networks and their weights, without a backend; ``test_frameworks.py`` runs this by itself."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from loadscope.errors import InputError
from loadscope.sut.architectures.dlrm import Dlrm
from loadscope.sut.architectures.efficientnet_lite import _SameConv
from loadscope.sut.architectures.fold import fold_batch_norms
from loadscope.sut.architectures.registry import ARCHITECTURES, build_architecture
from loadscope.sut.architectures.state_dict import load_network
from loadscope.tools.build.seeded import seeded_state

LITE = "efficientnet-lite0"

# What is tested directly need not fight over the cores.
torch.set_num_threads(1)

# Networks for text, clicks and volumes have checks of their own.
OTHERS = ("bert", "dlrm", "llama", "unet3d")
IMAGE_NETWORKS = [name for name in ARCHITECTURES if not name.startswith(OTHERS)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    # EfficientNet-Lite0 is published with 4.7 M, torchvision's ResNet-50 with 25,557,032.
    [(LITE, 4_652_008), ("resnet50-v1.5", 25_557_032)],
)
def test_a_network_has_the_published_number_of_parameters(name, parameters):
    with torch.device("meta"):
        network = build_architecture(name, 1000, 224)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert not network.training


def test_resnet_v1_5_strides_in_its_3x3_convolutions():
    with torch.device("meta"):
        network = build_architecture("resnet50-v1.5", 1000, 224)
    strided = {
        name: module.kernel_size
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2) and "downsample" not in name
    }
    assert strided == {
        "conv1": (7, 7),
        "layer2.0.conv2": (3, 3),
        "layer3.0.conv2": (3, 3),
        "layer4.0.conv2": (3, 3),
    }


def test_same_padding_puts_the_odd_pixel_last():
    convolution = _SameConv(1, 1, kernel=3, stride=2, size=4)
    nn.init.ones_(convolution.weight)
    counted = convolution(torch.ones(1, 1, 4, 4))
    # How many pixels of the image each window of 3 x 3 covers, starting at 0 and at 2.
    assert counted.squeeze().tolist() == [[9.0, 6.0], [6.0, 4.0]]


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown architecture 'resnet50'") as caught:
        build_architecture("resnet50", 1000, 224)
    assert all(name in caught.value.fix for name in ARCHITECTURES)


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_folding_leaves_no_batch_norm_and_the_same_function(name):
    network = build_architecture(name, 10, 64)
    network.load_state_dict(seeded_state(network, 1))
    network.requires_grad_(False)
    inputs = torch.rand(2, getattr(network, "channels", 3), 64, 64)
    before = network(inputs)
    fold_batch_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(inputs), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_seeded_weights_keep_activations_in_a_normal_range(name):
    network = build_architecture(name, 10, 64)
    network.load_state_dict(seeded_state(network, 1), strict=True)
    scales: list[float] = []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Linear):
            module.register_forward_hook(lambda *call: scales.append(call[2].std().item()))
    with torch.inference_mode():
        logits = network(torch.rand(4, getattr(network, "channels", 3), 64, 64) * 2 - 1)
    assert all(0.02 < scale < 50 for scale in scales)
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize(("name", "size"), [("unet3d", 128), ("unet3d-small", 32)])
def test_a_network_of_scans_scores_each_voxel(name, size):
    with torch.device("meta"):
        network = build_architecture(name, 3, size)
        scores = network(torch.empty(1, 1, size, size, size))
    assert scores.shape == (1, 3, size, size, size)
    with pytest.raises(ValueError, match="multiple of"):
        build_architecture(name, 3, size + 2)


def test_a_dlrm_looks_each_category_up_in_its_own_table():
    network = build_architecture("dlrm-small", 1, 1)
    assert isinstance(network, Dlrm)
    dense, sparse = network.example()
    before = network(dense, sparse)
    assert before.shape == (2, 1)
    sparse[0, 25] = 63
    after = network(dense, sparse)
    assert after[0] != before[0] and after[1] == before[1]
    with pytest.raises(IndexError):
        network(dense, sparse + 1 + torch.eye(2, 26, dtype=torch.int64) * 26 * 64)


def test_seeded_weights_are_the_same_everywhere():
    state = seeded_state(build_architecture(LITE, 10, 32), 1)
    digest = hashlib.sha256()
    for name in sorted(state):
        values = state[name].numpy()
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    assert digest.hexdigest() == (
        "cd991db4aeb45be1bbf2c6c9f99d3ba4600ef1a484aca7ecc7a5181bb6d11aa1"
    )


def test_torchvision_s_names_fit_resnet50(tmp_path):
    # torchvision's ResNet-50, by the rule of its names: 320 tensors, the counters of batch norms
    # among them, of which old checkpoints have none.
    names = {f"{part}.{end}" for part in ("fc",) for end in ("weight", "bias")} | {"conv1.weight"}
    norms = {"bn1"}
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(blocks):
            start = f"layer{stage}.{block}"
            names |= {f"{start}.conv{number}.weight" for number in (1, 2, 3)}
            norms |= {f"{start}.bn{number}" for number in (1, 2, 3)}
        names.add(f"layer{stage}.0.downsample.0.weight")
        norms.add(f"layer{stage}.0.downsample.1")
    ends = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names |= {f"{norm}.{end}" for norm in norms for end in ends}
    assert len(names) == 320
    network = build_architecture("resnet50-v1.5", 1000, 224)
    state = network.state_dict()
    assert set(state) == names
    path = tmp_path / "resnet50.pth"
    # The official file is of the time before zip archives.
    torch.save(
        {name: state[name] for name in names if not name.endswith("num_batches_tracked")},
        path,
        _use_new_zipfile_serialization=False,
    )
    load_network("resnet50-v1.5", 1000, 224, path)


@pytest.fixture
def saved(tmp_path):
    """Save what a function makes of the small network's weights."""

    def save(change):
        path = tmp_path / "changed.pth"
        torch.save(change(seeded_state(build_architecture(LITE, 10, 32), 1)), path)
        return path

    return save


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda state: {name: state[name] for name in state if name != "_fc.bias"},
            r"missing _fc\.bias",
        ),
        (lambda state: {**state, "extra": torch.zeros(1)}, "unexpected extra"),
        (
            lambda state: {**state, "_fc.bias": torch.zeros(9)},
            r"shape: _fc\.bias is \[9\], not \[10\]",
        ),
        (lambda state: {**state, "_fc.bias": torch.zeros(10).half()}, "not float32"),
        (lambda state: {"state_dict": state}, "is not a state dict"),
        (lambda state: [1, 2], "is not a state dict"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(saved, change, said):
    with pytest.raises(InputError, match=said):
        load_network(LITE, 10, 32, saved(change))


def test_counters_that_old_checkpoints_lack_are_not_asked_for(saved):
    def without_counters(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: state[name] for name in state if not name.endswith("num_batches_tracked")}

    load_network(LITE, 10, 32, saved(without_counters))


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"cannot read the weights {path}"):
        load_network(LITE, 10, 32, path)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("evil"),)


def test_a_checkpoint_cannot_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Evil()}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="cannot read the weights"):
        load_network(LITE, 10, 32, tmp_path / "w.pth")
    assert not (tmp_path / "evil").exists()
