"""Caffe2's end: runs in its own Python."""

import os
import re
from typing import Any, Dict, List, Sequence, Tuple

from loadscope.sut.interpreter.guest.errors import InputError, WorkError
from loadscope.sut.interpreter.guest.model import Model, Tensor

_RUNS = 5
"""Of Caffe2's own measurement of its operators."""


class Caffe2Program:
    """Runs a net in the process's workspace."""

    def load(self, model: Model, threads: int) -> Dict[str, Any]:
        """Make the nets and give the first its weights."""
        # Read when Caffe2 is imported.
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
        from caffe2.python import workspace

        self._workspace = workspace
        workspace.GlobalInit(
            ["caffe2", "--caffe2_log_level=2", "--caffe2_omp_num_threads={}".format(threads)]
        )
        workspace.ResetWorkspace()
        first, net = _nets(model)
        net.name = net.name or "net"
        self._net, self._model, self._weights = net, model, _made(first)
        known = set(net.external_input)
        for info in model.inputs:
            if info.name not in known:
                raise InputError(
                    "the model has no input '{}'".format(info.name),
                    "it has: {}".format(", ".join(sorted(known - self._weights))),
                )
        made = {name for op in net.op for name in op.output}
        for info in model.outputs:
            if info.name not in made:
                raise InputError(
                    "the model has no output '{}'".format(info.name),
                    "it has: {}".format(", ".join(net.external_output)),
                )
        missing = known - self._weights - {info.name for info in model.inputs}
        if missing:
            raise InputError(
                "the model also needs input '{}'".format(min(missing)),
                "correct inputs in the model's manifest",
            )
        try:
            workspace.RunNetOnce(first)
            # Blobs must be there before a net that reads them is made.
            for info in model.inputs:
                workspace.FeedBlob(info.name, _zeros(info))
            workspace.CreateNet(net)
        except RuntimeError as error:
            raise WorkError(
                "Caffe2 cannot make a net of {}: {}".format(model.path, _line(error)),
                "use another framework for this model",
            ) from error
        return {"settings": {"device": "cpu"}}

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Feed the inputs, run the net, fetch the outputs."""
        for one in inputs:
            self._workspace.FeedBlob(one.name, one.array)
        self._workspace.RunNet(self._net.name)
        return [self._workspace.FetchBlob(info.name) for info in self._model.outputs]

    def close(self) -> None:
        """Drop the nets."""
        self._workspace.ResetWorkspace()

    def tracer(self) -> "Caffe2Tracer":
        """A tracer by Caffe2's own benchmark of operators."""
        return Caffe2Tracer(self)

    def operators(self) -> List[Dict[str, Any]]:
        """What Caffe2 measures of each operator with the inputs that were fed last."""
        with _quiet():
            spent = self._workspace.BenchmarkNet(self._net.name, 1, _RUNS, True)
        found = []
        for op, milliseconds in zip(self._net.op, list(spent)[1:]):
            given = [name for name in op.input if name not in self._weights]
            output = self._workspace.FetchBlob(op.output[0])
            found.append(
                {
                    "name": op.name or op.output[0],
                    "type": op.type,
                    "ns": int(milliseconds * 1000000),
                    "inputs": [list(self._workspace.FetchBlob(name).shape) for name in given],
                    "output": list(output.shape),
                    "dtype": str(output.dtype),
                    "alias": op.output[0],
                }
            )
        return found


class Caffe2Tracer:
    """Runs the net as it is, and has each shape of a batch measured when the work is over."""

    def __init__(self, program: Caffe2Program) -> None:
        self._program = program
        self._shapes: List[Tuple[Any, ...]] = []
        self._inputs: Dict[Tuple[Any, ...], Sequence[Tensor]] = {}

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Run the net."""
        shape = tuple(one.shape for one in inputs)
        self._shapes.append(shape)
        self._inputs[shape] = inputs
        return self._program.predict(inputs)

    def forget(self) -> None:
        """Drop the notes so far."""
        del self._shapes[:]

    def layers(self) -> List[Any]:
        """The mean times of the operators for each call's shape, measured apart from the calls."""
        means = {}
        for shape in set(self._shapes):
            self._program.predict(self._inputs[shape])
            means[shape] = {"layers": self._program.operators(), "runs": _RUNS}
        return [means[shape] for shape in self._shapes]


class _quiet:
    """Has nothing come out on standard output and error: the benchmark prints its table there."""

    def __enter__(self) -> None:
        self._kept = [os.dup(1), os.dup(2)]
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        os.close(nothing)

    def __exit__(self, *_: Any) -> None:
        for to, kept in zip((1, 2), self._kept):
            os.dup2(kept, to)
            os.close(kept)


def _nets(model: Model) -> Tuple[Any, Any]:
    """The net that makes the weights, and the one that predicts."""
    try:
        if model.format == "caffe2-nets":
            from caffe2.proto import caffe2_pb2

            nets = []
            for name in ("init_net.pb", "predict_net.pb"):
                net = caffe2_pb2.NetDef()
                with open(os.path.join(model.path, name), "rb") as file:
                    net.ParseFromString(file.read())
                nets.append(net)
            return nets[0], nets[1]
        import onnx
        from caffe2.python.onnx.backend import Caffe2Backend

        first, net = Caffe2Backend.onnx_graph_to_caffe2_net(onnx.load(model.path))
        return first, net
    # Protobuf's error and what the converter asserts have no parent of their own.
    except Exception as error:
        raise InputError(
            "Caffe2 cannot load {}: {}".format(model.path, _named(error)),
            "use another framework, or correct source and format in the model's manifest",
        ) from error


def _named(error: Exception) -> str:
    """What was said, operator and node first where a node is shown in it."""
    said = " ".join(str(error).split())
    shown = re.search(r'name: "([^"]*)" op_type: "([^"]*)"', said)
    if shown is None:
        return said[:300]
    # What is wrong stands before the node or behind it.
    why = said.partition("==> Context")[0] if "==> Context" in said else said[shown.end() :]
    return "{} '{}': {}".format(shown.group(2), shown.group(1), why.strip(" .")[:200])


def _made(net: Any) -> Any:
    return {name for op in net.op for name in op.output}


def _zeros(info: Any) -> Any:
    import numpy

    return numpy.zeros([1] + [max(size, 1) for size in info.shape], info.dtype)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
