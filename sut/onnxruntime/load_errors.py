"""What ONNX Runtime says when it refuses a file, in words that name the mend."""

import ctypes
import re
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.sut.backend import Artifact
from loadscope.sut.onnx_files import node_of

REFUSALS = (
    states.NoSuchFile,
    states.InvalidProtobuf,
    states.InvalidGraph,
    states.InvalidArgument,
    states.Fail,
    states.RuntimeException,
    states.NotImplemented,
    states.EPFail,
)
"""What opening a session raises."""

# Of these the file may be right, and the runtime or the machine at fault.
_OF_THE_RUNTIME = (states.RuntimeException, states.NotImplemented, states.EPFail)

# What it says, what that means, and the mend; the groups fill both.
_KNOWN = (
    (
        r"Opset (\d+) is under development .* for domain (\S+) is till opset (\d+)",
        "it is of opset {0} of {1}, and the last that this version knows is {2}",
        "export the model with opset {2} or below, or install a later onnxruntime",
    ),
    (
        r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
        "it is of IR version {0}, and the last that this version knows is {1}",
        "save the model with IR version {1} or below, or install a later onnxruntime",
    ),
    (
        r"No Op registered for (\S+) with domain_version of (\d+)",
        "opset {1} has no operator {0}{node}",
        "export the model with the opset that has it",
    ),
    (
        r"Fatal error: (\S+?)\(-?\d+\) is not a registered function/op",
        "it needs the operator {0}{node}, which is of a library of its own",
        "export the model with ONNX's own operators",
    ),
    (
        r"Could not find an implementation for (\S+?)\((\d+)\)",
        "the providers have no operator {0} of opset {1}{node}",
        "export the model with a later opset, or choose other providers",
    ),
)
# The place in the runtime's own source, and the signature of the function.
_PLACE = re.compile(r"/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])")


def missing_of_provider(provider: str) -> str:
    """Why a provider is not in force although the runtime was built with it.

    The runtime itself leaves out what does not load and goes on with the CPU.

    Args:
        provider: Its name, as ``CUDAExecutionProvider``.

    Returns:
        A phrase with the library that is missing, as the dynamic linker names it.
    """
    folder = Path(onnxruntime.__file__).parent / "capi"
    name = provider.removesuffix("ExecutionProvider").lower()
    library = folder / f"libonnxruntime_providers_{name}.so"
    if not library.exists():
        return f"{provider} is not in this build of ONNX Runtime ({library.name} is not there)"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"{library.name} needs {error}"
    return f"{library.name} loads, so a device for {provider} or its driver is missing"


def _node(path: Path, operator: str) -> str:
    """Where in a file an operator is, as an addition to its name."""
    domain, _, name = operator.rpartition(":")
    node = node_of(path, name, domain)
    return f" (node '{node}')" if node else ""


def refused(artifact: Artifact, error: Exception) -> LoadScopeError:
    """One of ``REFUSALS`` as an error of ours.

    Args:
        artifact: The file that was to be opened.
        error: What the runtime raised.

    Returns:
        An InputError where the file is at fault, a WorkError where the runtime may be.
    """
    said = " ".join(str(error).split())
    version = f"ONNX Runtime {onnxruntime.__version__}"
    for pattern, meaning, mend in _KNOWN:
        if found := re.search(pattern, said):
            groups = found.groups()
            return InputError(
                f"{version} cannot load {artifact.path}: "
                f"{meaning.format(*groups, node=_node(artifact.path, groups[0]))}",
                mend.format(*groups),
            )
    shown = _PLACE.sub("", said)[:300]
    if isinstance(error, _OF_THE_RUNTIME):
        return WorkError(
            f"{version} cannot run {artifact.path}: {shown}",
            "use another version of ONNX Runtime, or other providers",
        )
    return InputError(
        f"{version} cannot load {artifact.path}: {shown}",
        "get it again, or correct its path, or the source in the model's manifest",
    )
