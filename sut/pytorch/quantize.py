"""Static quantisation by PyTorch's own FX tool, into a TorchScript program of int8 kernels."""

import warnings
from pathlib import Path

import torch
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.calibration import Samples
from loadscope.sut.pytorch.formats import open_model

_ENGINE = "x86"
"""FBGEMM's and oneDNN's kernels."""


def quantize(artifact: Artifact, samples: Samples, output: Path) -> None:
    """Quantise a ``state-dict``: see ``calibration.Quantize``.

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
            prepared = prepare_fx(network, get_default_qconfig_mapping(_ENGINE), examples[0])
        except torch.fx.proxy.TraceError as error:
            raise InputError(
                f"PyTorch cannot quantise {artifact.architecture}: {error}",
                "quantise with another framework: loadscope frameworks",
            ) from error
        for each in examples:
            prepared(*each)
        converted = convert_fx(prepared)
        if not any("quantized" in type(one).__module__ for one in converted.modules()):
            raise InputError(
                f"{artifact.path}: no operator that can be quantised",
                "run it in float32",
            )
        program = torch.jit.trace(converted, examples[0])  # type: ignore[no-untyped-call]
        torch.jit.save(program, str(output))
