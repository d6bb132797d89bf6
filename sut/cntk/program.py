"""CNTK's end: runs in its own Python."""

import ctypes
import os
import re
import sys
import tempfile
import warnings
from typing import Any, Dict, List, Sequence, Tuple

from loadscope.sut.cntk.timing import node_times
from loadscope.sut.interpreter.guest.errors import InputError, WorkError
from loadscope.sut.interpreter.guest.model import Model, Tensor

# ``loadscope.sut.cntk.mpi`` makes them, in an environment of LoadScope's.
_MPI = os.path.join(sys.prefix, "lib", "loadscope-mpi")


class CntkProgram:
    """Runs a function on the CPU."""

    def load(self, model: Model, threads: int) -> Dict[str, Any]:
        """Load the function and hold its tensors against the manifest."""
        self._cntk = cntk = _import_cntk(threads)
        cntk.device.try_set_default_device(cntk.device.cpu())
        cntk.cntk_py.set_max_num_cputhreads(threads)
        form = cntk.ModelFormat.ONNX if model.format == "onnx-opset7" else cntk.ModelFormat.CNTKv2
        try:
            self._function = cntk.Function.load(model.path, cntk.device.cpu(), form)
        except Exception as error:
            raise InputError(
                "CNTK cannot load {}: {}".format(model.path, _said(error)),
                "use another framework, or correct source and format in the model's manifest",
            ) from error
        known = {argument.name: argument for argument in self._function.arguments}
        for info in model.inputs:
            if info.name not in known:
                raise InputError(
                    "the model has no input '{}'".format(info.name),
                    "it has: {}".format(", ".join(known)),
                )
            found = tuple(known[info.name].shape)
            # ONNX's batch axis is a free one, that of CNTK's own files dynamic.
            behind = found[1:] if found[:1] < (0,) else found
            if behind != info.shape:
                raise InputError(
                    "input '{}' is {} in the model, {} in the manifest".format(
                        info.name, list(found), list(info.shape)
                    ),
                    "correct inputs in the model's manifest",
                )
        if len(self._function.outputs) != len(model.outputs):
            raise InputError(
                "the model has {} output(s), the manifest names {}".format(
                    len(self._function.outputs), len(model.outputs)
                ),
                "correct outputs in the model's manifest, in the order of the file",
            )
        self._arguments = known
        self._outputs = [
            (output, info.dtype) for output, info in zip(self._function.outputs, model.outputs)
        ]
        return {
            "settings": {
                "threads": cntk.cntk_py.get_max_num_cputhreads(),
                "device": "cpu",
            }
        }

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Evaluate the function."""
        import numpy

        found = self._function.eval({self._arguments[one.name]: one.array for one in inputs})
        values = [found[one] for one, _ in self._outputs] if isinstance(found, dict) else [found]
        return [
            numpy.ascontiguousarray(value, dtype)
            for value, (_, dtype) in zip(values, self._outputs)
        ]

    def close(self) -> None:
        """Drop the function."""
        del self._function

    def tracer(self) -> "CntkTracer":
        """A tracer by CNTK's timing of nodes, which cannot be turned off again."""
        self._cntk.debugging.set_node_timing(True)
        return CntkTracer(self)

    def nodes(self) -> Dict[str, Dict[str, Any]]:
        """What is known of each node but its times, by its unique name."""
        graph = self._cntk.logging.graph
        functions = graph.depth_first_search(
            self._function, lambda node: isinstance(node, self._cntk.Function), depth=-1
        )
        behind: Dict[str, Any] = {}
        for function in functions:
            for given in function.inputs:
                if given.is_output:
                    behind.setdefault(given.owner.uid, function)
        return {
            function.uid: {
                "type": function.op_name,
                "alias": _named(function, behind),
                "inputs": [
                    _sizes(given)
                    for given in function.inputs
                    if not (given.is_constant or given.is_parameter)
                ],
                "output": _sizes(function.outputs[0]),
            }
            for function in functions
        }

    def node_times(self) -> Dict[str, Tuple[float, int]]:
        """What CNTK has counted of each node: mean seconds, and of how many runs."""
        with tempfile.TemporaryFile() as said:
            kept = os.dup(2)
            os.dup2(said.fileno(), 2)
            try:
                self._function.print_node_timing()
            finally:
                os.dup2(kept, 2)
                os.close(kept)
            said.seek(0)
            return node_times(said.read().decode())


class CntkTracer:
    """Has CNTK count while calls are made; its means become layers when the work is over."""

    def __init__(self, program: CntkProgram) -> None:
        self._program = program
        self._before: Dict[str, Tuple[float, int]] = {}
        self._calls: List[int] = []

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Evaluate the function, which CNTK times."""
        found = self._program.predict(inputs)
        self._calls.append(inputs[0].shape[0])
        return found

    def forget(self) -> None:
        """Leave what was counted so far out."""
        self._before = self._program.node_times() if self._calls else {}
        del self._calls[:]

    def layers(self) -> List[Any]:
        """The mean times of the nodes, for each call in proportion to its samples."""
        nodes = self._program.nodes()
        rows = []
        for uid, (mean, runs) in self._program.node_times().items():
            mean_before, runs_before = self._before.get(uid, (0.0, 0))
            count = runs - runs_before
            if count > 0 and uid in nodes:
                spent = max(0.0, (mean * runs - mean_before * runs_before) / count)
                rows.append((_number(uid), uid, spent, count))
        usual = sum(self._calls) / max(1, len(self._calls))
        return [
            {
                "runs": max([row[3] for row in rows] or [0]),
                "layers": [
                    self._layer(uid, nodes[uid], spent * samples / usual, samples)
                    for _, uid, spent, _ in sorted(rows)
                ],
            }
            for samples in self._calls
        ]

    def _layer(self, uid: str, node: Dict[str, Any], spent: float, samples: int) -> Dict[str, Any]:
        return dict(
            node,
            name=uid,
            ns=int(spent * 1e9),
            dtype="float32",
            inputs=[_batched(shape, samples) for shape in node["inputs"]],
            output=_batched(node["output"], samples),
        )


def _import_cntk(threads: int) -> Any:
    # Read when the libraries are loaded.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    if os.path.isdir(_MPI):
        for name in ("libmpi.so.12", "libmpi_cxx.so.1"):
            ctypes.CDLL(os.path.join(_MPI, name), ctypes.RTLD_GLOBAL)
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        # It says which device it chose.
        os.dup2(nothing, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import cntk

            cntk.device.try_set_default_device(cntk.device.cpu())
    except (ImportError, OSError) as error:
        raise InputError(
            "CNTK cannot be imported: {}".format(error),
            "install OpenMPI 1.10, or use: loadscope env create cntk",
        ) from error
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
    if not hasattr(cntk.cntk_py, "set_max_num_cputhreads"):
        raise WorkError("CNTK {} does not let threads be set".format(cntk.__version__), "use 2.7")
    return cntk


def _named(function: Any, behind: Dict[str, Any]) -> str:
    """The name of the ONNX node that a function is part of: its own, or the next one behind it."""
    seen = function
    while seen is not None and not seen.name:
        seen = behind.get(seen.uid)
    return str(seen.name) if seen is not None else ""


def _said(error: Exception) -> str:
    """What was said, without the stack, operator and node first where an operator is missing."""
    said = " ".join(str(error).partition("[CALL STACK]")[0].split())
    shown = re.search(r"Node: ?(\S+) No Op or Function registered for (\S+)", said)
    if shown is None:
        return said[:300]
    return "{} '{}': CNTK has no such operator".format(shown.group(2), shown.group(1))


def _sizes(variable: Any) -> List[int]:
    """A variable's sizes; an axis of the batch, dynamic or free, is negative."""
    return [-1] * bool(variable.dynamic_axes) + [int(size) for size in variable.shape]


def _batched(shape: List[int], samples: int) -> List[int]:
    """A shape whose batch axis has a size."""
    return [samples if size < 0 else size for size in shape]


def _number(uid: str) -> int:
    """Functions are numbered in the order in which they were made, which is that of the file."""
    digits = "".join(letter for letter in uid if letter.isdigit())
    return int(digits or "0")
