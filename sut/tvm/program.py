"""ONNX files compiled by TVM."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import tvm
from google.protobuf.message import DecodeError
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

from loadscope.errors import InputError, WorkError
from loadscope.sut.native_output import held_back

THREADS = "TVM_NUM_THREADS"
"""How many threads the pool of each calling thread has; read when it is made."""


def read_module(path: Path) -> Any:
    """An ONNX file as a module of Relax; open sizes stay open.

    Raises:
        InputError: It is no ONNX, or has an operator that TVM does not convert; the message names
            operator and node.
    """
    fix = "fetch it again, or use another framework"
    try:
        model = onnx.load(path)
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise InputError(f"TVM cannot load {path}: {line(error)}", fix) from error
    if not model.graph.node:
        raise InputError(f"TVM cannot load {path}: it has no operators", fix)
    with _silent():
        try:
            return from_onnx(model, keep_params_in_input=False)
        # Its converters raise whatever Python does.
        except Exception as error:
            raise InputError(
                f"TVM {tvm.__version__} cannot load {path}: {_named(model.graph, error)}", fix
            ) from error


def compiled(module: Any, path: Path) -> Any:
    """A module compiled for this processor by the pipeline ``zero``, which tunes nothing.

    Raises:
        WorkError: TVM cannot compile it.
    """
    cpu = tvm.target.codegen.llvm_get_system_cpu()
    target = tvm.target.Target({"kind": "llvm", "mcpu": cpu})
    with _silent():
        try:
            return tvm.compile(relax.get_pipeline("zero")(module), target=target)
        except Exception as error:
            raise WorkError(
                f"TVM {tvm.__version__} cannot compile {path}: {line(error)}",
                "use another framework",
            ) from error


def machine(executable: Any) -> Any:
    """A virtual machine that runs a compiled module, for one thread at a time."""
    return relax.VirtualMachine(executable, tvm.cpu())


def run(function: Any, arrays: list[Any]) -> list[Any]:
    """Call a compiled function.

    Args:
        function: Of a virtual machine.
        arrays: Its inputs.

    Returns:
        Its results, copied, in the order of the file.
    """
    found = function(*map(tvm.runtime.tensor, arrays))
    several = found if not isinstance(found, tvm.runtime.Tensor) else [found]
    return [each.numpy() for each in several]


def pool_threads() -> int:
    """The threads of the calling thread's pool."""
    return int(tvm.get_global_func("runtime.NumThreads")())


def set_threads(threads: int) -> None:
    """Say how many threads each pool has.

    Raises:
        InputError: This process has pools of another size.
    """
    known = os.environ.setdefault(THREADS, str(threads))
    if known != str(threads):
        raise InputError(
            f"TVM has pools of {known} threads in this process, not {threads}",
            f"load it in a process of its own, without {THREADS} in its environment",
        )
    # Which CPUs are used is decided by whoever starts the process.
    os.environ["TVM_BIND_THREADS"] = "0"


def _named(graph: Any, error: Exception) -> str:
    """What TVM says, operator and node first where it names an operator."""
    said = line(error)
    for node in graph.node:
        if node.op_type in said.replace("'", " ").replace(",", " ").split():
            return f"{node.op_type} '{node.name or node.output[0]}': {said}"
    return said


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with held_back(), contextlib.redirect_stderr(io.StringIO()):
        yield


def line(error: Exception) -> str:
    """An error's text in one line."""
    return " ".join(str(error).split())[-300:]
