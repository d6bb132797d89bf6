"""TensorFlow behind the backend protocol: every format becomes one frozen graph in a session."""

import difflib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from loadscope.device_memory import DeviceMemory, nvml_memory
from loadscope.devices import CPU, number_of
from loadscope.errors import DeviceMemoryError, InputError, WorkError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch, samples
from loadscope.sut.effective import Effective
from loadscope.sut.native_output import quiet
from loadscope.sut.tensorflow.info import INFO
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors, fits

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow 2.21 logs its start and heeds no variable that says otherwise.
with quiet():
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

# How many names an error gives.
_NAMED = 5

# The first session of a process makes the one pool that all later ones share.
_pool: list[int] = []


class TensorFlowBackend:
    """Runs a graph in one session that all calling threads share.

    Options of the artifact:
        inter_op: Threads that run operators of one call side by side; the default, -1, runs
            them in the calling thread. With 1 or more the calls of all workers queue for the
            same threads.
        signature: The signature of a ``saved-model`` (default ``serving_default``).
        dtype: ``bfloat16`` lets oneDNN's mixed-precision pass rewrite the graph; inputs and
            outputs stay as declared.
        device: ``cpu`` (the default) or ``cuda``; of several ``cuda:1``.
    """

    def __init__(self) -> None:
        self._session: Any = None
        self._run: Callable[..., list[Any]] | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the graph, with all variables as constants, and make a session.

        Args:
            artifact: A ``frozen-graph`` (GraphDef), whose tensors are named as in the graph
                (``softmax:0``; ``softmax`` is the first output of an operation); a
                ``saved-model`` folder, named as in its signature; or a ``keras`` file, named
                as the model's inputs and outputs.
            threads: Threads of the pool inside operators, which all calls share.

        Raises:
            InputError: The file is not of its format, a tensor is missing or is not as
                declared, an option is unknown, or this process has a pool of another size.
            WorkError: TensorFlow refuses the graph.
        """
        INFO.check_options(artifact.options)
        if _pool and _pool[0] != threads:
            raise InputError(
                f"TensorFlow has a pool of {_pool[0]} threads in this process, not {threads}",
                "load it in a process of its own",
            )
        with quiet():
            definition, names = graph_of(artifact)
            graph = tf.Graph()
            try:
                with graph.as_default():
                    tf.import_graph_def(definition, name="")
            except (ValueError, tf.errors.OpError) as error:
                raise WorkError(
                    f"TensorFlow {tf.__version__} cannot run {artifact.path}: {_line(error)}",
                    "use another version of TensorFlow",
                ) from error
            most = artifact.max_batch
            feeds = [_tensor(graph, "input", info, names, most) for info in artifact.inputs]
            fetches = [_tensor(graph, "output", info, names, most) for info in artifact.outputs]
            self._device = INFO.device(artifact.options)
            config = _config(artifact, threads)
            self._session = tf.compat.v1.Session(graph=graph, config=config)
        _pool[:] = [threads]
        self._fixed = feeds[0].shape[0] if feeds[0].shape.rank else None
        self._tensors, self._declared = (fetches, feeds), artifact.inputs
        self._mixed = artifact.options.get("dtype") == "bfloat16"
        self._run = self._session.make_callable(fetches, feed_list=feeds)
        self._check = BatchCheck(artifact.inputs)
        self._inputs = [info.name for info in artifact.inputs]
        self._outputs = [info.name for info in artifact.outputs]

    def effective(self) -> Effective:
        """Threads of the process's pool, and device and numbers of the optimised graph."""
        found: dict[str, Any] = {
            "threads": _pool[0],
            "device": self._device_in_force(),
            "fixed_batch": self._fixed,
        }
        causes = {"device": "TensorFlow found no CUDA library or device, and took the CPU"}
        if self._mixed:
            found["dtype"] = "bfloat16" if self._has_bfloat16() else "float32"
            causes["dtype"] = "oneDNN's mixed-precision pass left the graph alone on this processor"
        return Effective(found, causes)

    def _device_in_force(self) -> str:
        """Where the operators of one run were placed; a session without a GPU needs no run."""
        if not any(device.device_type == "GPU" for device in self._session.list_devices()):
            return CPU
        # The session was shown one GPU alone.
        placed = [node.device for graph in self._optimised() for node in graph.node]
        return self._device if any("GPU" in device for device in placed) else CPU

    def _has_bfloat16(self) -> bool:
        """Whether Grappler has put bfloat16 into the graph."""
        return any(
            value.type == tf.bfloat16.as_datatype_enum
            for graph in self._optimised()
            for node in graph.node
            for value in node.attr.values()
        )

    def _optimised(self) -> Any:
        """The graphs that TensorFlow made of the model, a device each, seen in one run."""
        fetches, feeds = self._tensors
        options = tf.compat.v1.RunOptions(output_partition_graphs=True)
        said = tf.compat.v1.RunMetadata()
        batch = {
            feed: np.zeros(
                (self._fixed or 1, *(1 if size == ANY_SIZE else size for size in info.shape)),
                info.dtype,
            )
            for feed, info in zip(feeds, self._declared, strict=True)
        }
        self._session.run(fetches, batch, options, said)
        return said.partition_graphs

    def predict(self, batch: Tensors) -> Tensors:
        """Run the session.

        Args:
            batch: The declared inputs.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if self._run is None:
            raise RuntimeError("predict was called after close")
        return self._answer(self._run, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; the session is the backend's own."""
        if not with_layers:
            run = self._run
            if run is None:
                raise RuntimeError("tracer was called after close")
            return CallTracer(lambda batch: self._answer(run, batch))
        from loadscope.sut.tensorflow.tracer import TensorFlowTracer

        fetches, feeds = self._tensors
        call = self._session.make_callable(fetches, feed_list=feeds, accept_options=True)
        return TensorFlowTracer(self._session, call, self._answer)

    def _answer(self, run: Callable[..., list[Any]], batch: Tensors) -> Tensors:
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        try:
            found = run(*(batch[name] for name in self._inputs))
        except tf.errors.ResourceExhaustedError as error:
            raise DeviceMemoryError.of_batch(self._device, count) from error
        if self._fixed is not None and count != self._fixed:
            found = [each[:count] for each in found]
        return dict(zip(self._outputs, found, strict=True))

    def device_memory(self) -> DeviceMemory | None:
        """See ``TellsDeviceMemory``: as the driver tells it."""
        return None if self._device == CPU else nvml_memory(self._device)

    def close(self) -> None:
        """Close the session."""
        self._run = None
        if self._session is not None:
            self._session.close()


Named = tuple[Any, dict[str, str]]
"""A GraphDef, and the tensors that have other names outside of it."""


def _frozen_graph(artifact: Artifact) -> Named:
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(artifact.path.read_bytes())
    except (OSError, DecodeError) as error:
        raise _unusable(artifact, error) from error
    if not definition.node:
        raise InputError(
            f"{artifact.path} has no nodes, so it is no frozen graph", "fetch it again"
        )
    return definition, {}


def _saved_model(artifact: Artifact) -> Named:
    key = artifact.options.get("signature", "serving_default")
    try:
        loaded = tf.saved_model.load(str(artifact.path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise _unusable(artifact, error) from error
    if key not in loaded.signatures:
        raise InputError(
            f"{artifact.path} has no signature '{key}'",
            f"{near(key, loaded.signatures)}it has: {', '.join(loaded.signatures) or 'none'}",
        )
    signature = loaded.signatures[key]
    inputs = list(signature.structured_input_signature[1])
    return _freeze(signature, inputs, list(signature.structured_outputs))


def _keras(artifact: Artifact) -> Named:
    try:
        model = tf.keras.models.load_model(artifact.path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        raise _unusable(artifact, error) from error
    given = [tf.TensorSpec(each.shape, each.dtype, each.name) for each in model.inputs]

    def call(*tensors: Any) -> Any:
        return tf.nest.flatten(model(list(tensors) if len(tensors) > 1 else tensors[0]))

    function = tf.function(call).get_concrete_function(*given)
    return _freeze(function, [each.name for each in given], list(model.output_names))


def _freeze(function: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Named:
    frozen = convert_variables_to_constants_v2(function)
    # A function's flat results are in the sorted order of their names where it returns a dict.
    names = dict(zip(inputs, (tensor.name for tensor in frozen.inputs), strict=True))
    structure = function.structured_outputs
    order = sorted(outputs) if isinstance(structure, dict) else outputs
    names.update(zip(order, (tensor.name for tensor in frozen.outputs), strict=True))
    return frozen.graph.as_graph_def(), names


_READERS: dict[str, Callable[[Artifact], Named]] = {
    "frozen-graph": _frozen_graph,
    "saved-model": _saved_model,
    "keras": _keras,
}


def graph_of(artifact: Artifact) -> Named:
    """The graph of an artifact, with all variables as constants.

    Raises:
        InputError: The file is not of its format.
    """
    return _READERS[artifact.format](artifact)


def _tensor(
    graph: Any, side: str, info: TensorInfo, names: dict[str, str], most: int | None
) -> Any:
    """Find a declared tensor and hold it against its declaration.

    A fixed batch axis is fine where the manifest declares its size.
    """
    inside = names.get(info.name, info.name)
    inside = inside if ":" in inside else f"{inside}:0"
    try:
        tensor = graph.get_tensor_by_name(inside)
    except (KeyError, ValueError):
        raise InputError(
            f"the graph has no {side} '{info.name}'", _choices(graph, side, info.name, names)
        ) from None
    dtype = np.dtype(tensor.dtype.as_numpy_dtype).name
    # A frozen graph may leave the shape of an output open.
    sizes = info.shape
    if tensor.shape.rank is not None:
        sizes = tuple(ANY_SIZE if size is None else size for size in tensor.shape[1:])
    if dtype != info.dtype or not fits(info.shape, sizes):
        raise InputError(
            f"{side} '{info.name}' is {dtype} {tensor.shape} in the graph, {info.dtype} "
            f"{['batch', *info.shape]} in the manifest",
            f"correct {side}s in the model's manifest",
        )
    if tensor.shape.rank and tensor.shape[0] is not None:
        require_batch(side, info.name, tensor.shape[0], most)
    return tensor


def _choices(graph: Any, side: str, name: str, names: dict[str, str]) -> str:
    """The names nearest to a wrong one, and the tensors that are a graph's ends."""
    operations = graph.get_operations()
    known = list(names) or [operation.name for operation in operations]
    wrong = name.partition(":")[0]
    found = difflib.get_close_matches(wrong, known, n=_NAMED)
    others = f"near it: {', '.join(found)}; " if len(found) > 1 else ""
    if names:
        ends, what = list(names), "inputs and outputs"
    elif side == "input":
        ends, what = [each.name for each in operations if each.type == "Placeholder"], "inputs"
    else:
        ends = [
            each.name
            for each in operations
            if not any(result.consumers() for result in each.outputs)
        ]
        what = "ends"
    more = f" and {len(ends) - _NAMED} more" if len(ends) > _NAMED else ""
    return f"{near(wrong, found)}{others}its {what}: {', '.join(ends[:_NAMED])}{more}"


def _config(artifact: Artifact, threads: int) -> Any:
    inter_op = artifact.options.get("inter_op", -1)
    if inter_op == 0 or inter_op < -1:
        raise InputError(
            f"TensorFlow: inter_op = {inter_op} is no number of threads",
            "use -1 for the calling thread, or 1 and more",
        )
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=inter_op
    )
    device = INFO.device(artifact.options)
    if device == CPU:
        config.device_count["GPU"] = 0
    else:
        config.gpu_options.visible_device_list = str(number_of(device))
        # All of the device's memory would be taken at once.
        config.gpu_options.allow_growth = True
    if artifact.options.get("dtype") == "bfloat16":
        rewriter = config.graph_options.rewrite_options
        rewriter.auto_mixed_precision_onednn_bfloat16 = rewriter.ON
    return config


def _unusable(artifact: Artifact, error: Exception) -> InputError:
    return InputError(
        f"TensorFlow cannot load {artifact.path} as {artifact.format}: {_line(error)}",
        "fetch it again, or correct source and format in the model's manifest",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
