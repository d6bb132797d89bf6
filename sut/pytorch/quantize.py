"""Static quantisation by PyTorch's own FX tool, into a TorchScript program of int8 kernels."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.ao.quantization import QConfig, QConfigMapping, get_default_qconfig_mapping
from torch.ao.quantization.observer import (
    HistogramObserver,
    MinMaxObserver,
    PerChannelMinMaxObserver,
)
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.fx import GraphModule

from loadscope.errors import InputError
from loadscope.sut.architectures.fold import fold_batch_norms
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.sut.pytorch.formats import open_model

_ENGINE = "x86"
"""FBGEMM's and oneDNN's kernels."""

_SIX = 6.0
_MARK = "clips_at_six"
_TRANSPOSED = (
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.functional.conv_transpose1d,
    nn.functional.conv_transpose2d, nn.functional.conv_transpose3d,
)  # fmt: skip


class PairObserver(PerChannelMinMaxObserver):
    """Scales of weights by output channel with which no two products overflow.

    Processors without VNNI add the products of two activations (0 to 255) and two weights in
    sixteen bits that saturate (``vpmaddubsw``). No two weights of a channel may make more than 128
    in all, so the two largest share the range. PyTorch's own way out, seven bits for all
    activations, costs more where a channel's largest weight stands alone, as it does in
    convolutions of one channel.
    """

    def forward(self, x_orig: torch.Tensor) -> torch.Tensor:
        """Note the range of weights ``(outputs, …)``."""
        rows = x_orig.detach().abs().flatten(1)
        # Halves are rounded up twice at most: 127.5 and 1 are no 129.
        self.max_val = rows.topk(min(2, rows.shape[1]), dim=1).values.sum(1)
        self.min_val = -self.max_val
        return x_orig


class ClipObserver(MinMaxObserver):
    """Cuts numbers at 6 before it notes them, so that what follows is calibrated on such.

    Quantised numbers cannot leave their range: one that ends at 6 does what ``ReLU6`` did.
    """

    def forward(self, x_orig: torch.Tensor) -> torch.Tensor:
        """Note the range of what is left, which is returned."""
        cut = x_orig.clamp(max=_SIX)
        super().forward(cut)  # type: ignore[no-untyped-call]
        return cut


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise a ``state-dict``: see ``calibration.Quantize``.

    Raises:
        InputError: This build of PyTorch has no such kernels, they refuse the network, it
            cannot be traced as a graph, or it has no operator that is quantised.
    """
    if _ENGINE not in torch.backends.quantized.supported_engines:
        raise InputError(
            f"PyTorch {torch.__version__} has no quantised kernels '{_ENGINE}' here; it has "
            f"{', '.join(torch.backends.quantized.supported_engines)}",
            "quantise and run on x86-64, or use another framework",
        )
    torch.backends.quantized.engine = _ENGINE
    network, inputs = open_model(artifact)
    if not isinstance(network, nn.Module):
        raise TypeError(f"a {artifact.format} is no module")
    examples = [tuple(map(torch.from_numpy, (one[name] for name in inputs))) for one in samples()]
    with warnings.catch_warnings(), torch.no_grad():
        # Both it and TorchScript say that newer ways exist, in packages that are not here.
        warnings.simplefilter("ignore")
        try:
            prepared = prepare_fx(_graph(network), _qconfigs(), examples[0])
            _observe_clips(prepared)
            for each in examples:
                prepared(*each)
            converted = convert_fx(prepared)
            if not _is_quantised(converted):
                raise InputError(
                    f"{artifact.path}: no operator that can be quantised",
                    "run it in float32",
                )
            program = torch.jit.trace(converted, examples[0])  # type: ignore[no-untyped-call]
            torch.jit.save(program, str(output))
        # Its int8 kernels refuse some shapes, such as a mean over one number.
        except (torch.fx.proxy.TraceError, RuntimeError) as error:
            # TorchScript shows the program line by line, and says what is wrong last.
            said = str(error).strip().rpartition("\n")[2]
            raise InputError(
                f"PyTorch cannot quantise {artifact.architecture}: {said}",
                "quantise with another framework: loadscope frameworks",
            ) from error


def _qconfigs() -> QConfigMapping:
    """PyTorch's own, but with all eight bits of activations, and weights that allow them."""
    activation = HistogramObserver.with_args(reduce_range=False)
    weight = PairObserver.with_args(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
    # Its kernels have one scale for all channels of these.
    transposed = MinMaxObserver.with_args(
        dtype=torch.qint8, qscheme=torch.per_tensor_symmetric, quant_min=-64, quant_max=63
    )
    own: Any = QConfig
    mapping = get_default_qconfig_mapping(_ENGINE).set_global(own(activation, weight))
    for kind in _TRANSPOSED:
        mapping.set_object_type(kind, own(activation, transposed))
    return mapping


def _graph(network: nn.Module) -> GraphModule:
    """The network as a graph without batch norms, and with a marked ``ReLU`` for each ``ReLU6``.

    PyTorch joins a convolution with a ``ReLU``. A ``ReLU6`` it leaves alone, and then the numbers
    between the two want a range that goes below 0 and above 6, of which most is thrown away.
    """
    fold_batch_norms(network)
    traced = torch.fx.symbolic_trace(network)
    for node in list(traced.graph.nodes):
        if node.op != "call_module":
            continue
        module = traced.get_submodule(node.target)
        if isinstance(module, nn.Identity):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
        elif isinstance(module, nn.ReLU6):
            relu = nn.ReLU()
            setattr(relu, _MARK, True)
            node.target = f"clip_{node.name}"
            traced.add_submodule(node.target, relu)
    traced.recompile()
    return traced


def _observe_clips(prepared: GraphModule) -> None:
    """Have what each marked ``ReLU`` gives cut at 6."""
    for node in prepared.graph.nodes:
        if node.op != "call_module":
            continue
        # Of a convolution that was joined with it, it is the last part.
        if not hasattr(list(prepared.get_submodule(node.target).modules())[-1], _MARK):
            continue
        (follower,) = node.users
        if not isinstance(prepared.get_submodule(follower.target), HistogramObserver):
            raise TypeError(f"{node.name} is followed by {follower.target}, not by an observer")
        prepared.set_submodule(follower.target, ClipObserver())


def _is_quantised(converted: GraphModule) -> bool:
    """Whether it has a quantised module or a call of one of PyTorch's quantised operators."""
    return any("quantized" in type(one).__module__ for one in converted.modules()) or any(
        node.op == "call_function" and str(node.target).startswith("quantized.")
        for node in converted.graph.nodes
    )
