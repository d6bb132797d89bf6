"""Static quantisation by PyTorch's own FX tool, into a TorchScript program of int8 kernels."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.ao.quantization import QConfig, QConfigMapping, get_default_qconfig_mapping
from torch.ao.quantization.observer import MinMaxObserver, PerChannelMinMaxObserver
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.fx import GraphModule, Node

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.sut.pytorch.formats import open_model

_ENGINE = "x86"
"""FBGEMM's and oneDNN's kernels."""
_WEIGHTS = (-64, 63)
"""Of seven bits: two products with activations of eight bits then fit the 16 bits in which
processors without VNNI add them (2 x 255 x 64 < 2^15)."""


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise a ``state-dict``: see ``calibration.Quantize``.

    Weights become int8 for each output channel, of which seven bits are used, activations uint8 by
    the lowest and highest value that was met. The tool's default is the other way round, seven bits
    for activations, which a network without spare precision does not stand.

    Raises:
        InputError: This build of PyTorch has no such kernels, the network cannot be traced as a
            graph, or it has no operator that is quantised.
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
            prepared = prepare_fx(network, _settings(), examples[0])
        except torch.fx.proxy.TraceError as error:
            raise InputError(
                f"PyTorch cannot quantise {artifact.architecture}: {error}",
                "quantise with another framework: loadscope frameworks",
            ) from error
        for each in examples:
            prepared(*each)
        _narrow(prepared)
        converted = convert_fx(prepared)
        if not any("quantized" in type(one).__module__ for one in converted.modules()):
            raise InputError(
                f"{artifact.path}: no operator that can be quantised",
                "run it in float32",
            )
        program = torch.jit.trace(converted, examples[0])  # type: ignore[no-untyped-call]
        torch.jit.save(program, str(output))


def _settings() -> QConfigMapping:
    """The engine's settings with other numbers of bits; see ``quantize``."""
    lowest, highest = _WEIGHTS
    chosen = QConfig(
        activation=MinMaxObserver.with_args(dtype=torch.quint8),
        weight=PerChannelMinMaxObserver.with_args(
            dtype=torch.qint8,
            qscheme=torch.per_channel_symmetric,
            quant_min=lowest,
            quant_max=highest,
        ),
    )
    return get_default_qconfig_mapping(_ENGINE).set_global(chosen)


def _narrow(prepared: GraphModule) -> None:
    """Leave numbers to what ReLU6 lets through, where nothing else takes what is before it.

    The tool does not fuse it, so the bits before it would be spread over values that it cuts off.
    Clipped to 0 and 6 by the quantisation itself they stay the same behind it.
    """
    modules = dict(prepared.named_modules(remove_duplicate=False))

    def made_by(node: Node) -> Any:
        return modules[str(node.target)] if node.op == "call_module" else node.target

    for node in prepared.graph.nodes:
        made = made_by(node)
        if made is not nn.functional.relu6 and not isinstance(made, nn.ReLU6):
            continue
        at = node.args[0]
        while len(at.users) == 1 and isinstance(made_by(at), MinMaxObserver | nn.Identity):
            if isinstance(observer := made_by(at), MinMaxObserver):
                observer.min_val.clamp_(min=0)
                observer.max_val.clamp_(max=6)
            at = at.args[0]
