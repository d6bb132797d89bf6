"""MXNet behind the backend protocol: a symbol bound once a batch shape."""

import contextlib
import os
import re
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadscope.devices import canonical
from loadscope.errors import InputError, near
from loadscope.memory import memory_limit, used_memory
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, samples
from loadscope.sut.effective import Effective
from loadscope.sut.mxnet.files import parameters
from loadscope.sut.mxnet.info import INFO
from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.sut.openmp import within_limit
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

# As many as SQuAD's window of 384 has lengths.
_EXECUTORS = 384
_Executors = OrderedDict[tuple[tuple[int, ...], ...], Any]
# Sizes that stand for the batch and for a size that each batch chooses, while shapes are checked.
_BATCH, _ANY = 3, 7
_NAMED = 3
# Operators are run several at a time; the pass that fuses them.
_BULK, _FUSION = "MXNET_EXEC_BULK_EXEC_INFERENCE", "MXNET_SUBGRAPH_BACKEND"


class MxnetBackend:
    """Runs a symbol as a static graph, with its operators fused by MXNet for oneDNN.

    An executor belongs to one shape of a batch. The weights are shared, but the fused operators
    keep copies in oneDNN's order in each executor.

    Options of the artifact:
        fusion: Whether operators are fused (default true). Without, an executor is much smaller,
            and a transformer runs faster.
        engine_workers: Operators that MXNet runs side by side, so calls in flight (default:
            usable cores divided by ``threads``).
        executors: The most that are kept (default 384, fewer as soon as the process has
            half of the memory); the one used longest ago makes way.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the symbol and hold its parameters and tensors against it and the manifest.

        Args:
            artifact: A ``symbol``: a ``-symbol.json`` file with one ``.params`` file of the
                same name beside it, or a zip archive of two such files.
            threads: OpenMP threads in each operator. MXNet reads the number when it is
                imported, so the first load of a process decides it.

        Raises:
            InputError: The files are missing or do not fit one another or the manifest, an
                option is unknown, or MXNet has another number of threads in this process.
        """
        INFO.check_options(artifact.options)
        cores = len(os.sched_getaffinity(0))
        workers = _positive(artifact, "engine_workers", max(1, cores // threads))
        self._most = _positive(artifact, "executors", _EXECUTORS)
        self._binding = {} if artifact.options.get("fusion", True) else {_FUSION: "NONE"}
        self._executors: _Executors = OrderedDict()
        self._mx = import_mxnet(threads, workers)
        self._model: _Model | None = _load(self._mx, artifact)
        # A symbol does not say which of its sizes are fixed.
        self._fixed = artifact.max_batch
        self._check = BatchCheck(artifact.inputs)
        self._inputs = artifact.inputs
        self._outputs = [info.name for info in artifact.outputs]
        # Two calls at once make the engine lose an operator now and then (one process in eleven,
        # over texts of 84 lengths), for which both wait without end.
        self._alone = threading.Lock()

    def effective(self) -> Effective:
        """Threads, the weights' device, and whether operators are fused: by oneDNN alone."""
        enabled = self._mx.runtime.Features().is_enabled("MKLDNN")
        with _environment(self._binding):
            fused = enabled and os.environ.get(_FUSION) != "NONE"
        threads = within_limit(int(os.environ["OMP_NUM_THREADS"]))
        weights = self._model.weights.values() if self._model else ()
        devices = {canonical(each.context.device_type) for each in weights}
        return Effective(
            {
                "threads": threads,
                # A symbol without weights has none to tell by.
                **({"device": ",".join(sorted(devices))} if devices else {}),
                "fusion": fused,
                "engine_workers": int(os.environ["MXNET_CPU_WORKER_NTHREADS"]),
                "fixed_batch": self._fixed,
            },
            {"fusion": f"{_FUSION} is NONE" if enabled else "this build has no oneDNN"},
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run the executor for the batch's shape, bound at its first use.

        Calls of several threads wait for one another.

        Args:
            batch: The declared inputs; copied into MXNet's arrays.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        with self._alone:
            return self._run(self._executor(batch, self._executors), batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers it has executors of its own, never bulked."""
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.mxnet.tracer import MxnetTracer

        executors: _Executors = OrderedDict()

        def executor(batch: Tensors) -> Any:
            with _environment({_BULK: "0"}):
                return self._executor(batch, executors)

        names = [info.name for info in self._inputs]
        return MxnetTracer(self._mx, executor, self._run, names)

    def _run(self, executor: Any, batch: Tensors) -> Tensors:
        count = samples(batch)
        short = self._fixed is not None and count != self._fixed
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        for info in self._inputs:
            executor.arg_dict[info.name][:] = batch[info.name]
        found = [array.asnumpy() for array in executor.forward(is_train=False)]
        if short:
            found = [array[:count] for array in found]
        return dict(zip(self._outputs, found, strict=True))

    def close(self) -> None:
        """Drop symbol, weights and executors."""
        self._model = None
        self._executors.clear()

    def _executor(self, batch: Tensors, executors: _Executors) -> Any:
        if self._model is None:
            raise RuntimeError("predict was called after close")
        size = self._fixed or samples(batch)
        key = tuple((size, *batch[info.name].shape[1:]) for info in self._inputs)
        if key in executors:
            executors.move_to_end(key)
            return executors[key]
        if len(executors) >= self._most or (executors and used_memory() > memory_limit() / 2):
            executors.popitem(last=False)
        fed = {
            info.name: self._mx.nd.empty(shape, dtype=info.dtype)
            for info, shape in zip(self._inputs, key, strict=True)
        }
        with _environment(self._binding):
            executors[key] = self._model.symbol.bind(
                self._mx.cpu(),
                {**self._model.weights, **fed},
                grad_req="null",
                aux_states=self._model.states,
            )
        return executors[key]


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set what MXNet asks for whenever an executor is bound."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
        os.environ.update(before)


@dataclass(frozen=True)
class _Model:
    """A symbol of the declared outputs, its weights and its running statistics, by name."""

    symbol: Any
    weights: dict[str, Any]
    states: dict[str, Any]


def _positive(artifact: Artifact, option: str, default: int) -> int:
    value: int = artifact.options.get(option, default)
    if value < 1:
        raise InputError(f"MXNet: {option} = {value} is less than 1", "correct the manifest")
    return value


def read_symbol(mx: Any, artifact: Artifact) -> tuple[Any, dict[str, Any]]:
    """The whole symbol of an artifact, and its parameters by the names that they are saved under.

    Raises:
        InputError: The files are missing or not MXNet's.
    """
    text, parameters = _read(artifact)
    try:
        whole = mx.sym.load_json(text.decode())
        arrays = mx.nd.load_frombuffer(parameters)
    except (mx.MXNetError, UnicodeDecodeError) as error:
        raise InputError(
            f"MXNet cannot load {artifact.path}: {_line(error)}",
            "get it again, or correct its path, or the source in the model's manifest",
        ) from error
    if not arrays:
        # A symbol without parameters; MXNet reads back a list.
        arrays = {}
    if not isinstance(arrays, dict):
        raise InputError(f"{artifact.path}: the parameters have no names", "save them by name")
    if arrays and not any(name.startswith(("arg:", "aux:")) for name in arrays):
        raise InputError(
            f"{artifact.path}: the parameters' names do not begin with arg: or aux:, as "
            f"'{next(iter(arrays))}'",
            "write symbol and parameters with HybridBlock.export; save_parameters leaves these out",
        )
    return whole, arrays


def _load(mx: Any, artifact: Artifact) -> _Model:
    whole, arrays = read_symbol(mx, artifact)
    symbol = _outputs(mx, whole, artifact)
    named = {kind: _of_kind(arrays, kind) for kind in ("arg", "aux")}
    _fit(mx, symbol, named["arg"], named["aux"], artifact)
    used = set(symbol.list_arguments())
    weights = {name: array for name, array in named["arg"].items() if name in used}
    states = {name: named["aux"][name] for name in symbol.list_auxiliary_states()}
    return _Model(symbol, weights, states)


def _read(artifact: Artifact) -> tuple[bytes, bytes]:
    """The bytes of the symbol and of the parameters."""
    path = artifact.path
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                return tuple(  # type: ignore[return-value]
                    archive.read(_only(path, names, end)) for end in ("-symbol.json", ".params")
                )
        beside = [each.name for each in parameters(path)]
        return path.read_bytes(), (path.parent / _only(path, beside, ".params")).read_bytes()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}", "fetch it again") from error


def _only(path: Any, names: list[str], end: str) -> str:
    found = [name for name in names if name.endswith(end)]
    if len(found) != 1:
        raise InputError(
            f"{path} has {len(found)} files *{end} with it, not one",
            "keep one -symbol.json and one .params of the same name together",
        )
    return found[0]


def _of_kind(arrays: dict[str, Any], kind: str) -> dict[str, Any]:
    start = f"{kind}:"
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }


def _outputs(mx: Any, symbol: Any, artifact: Artifact) -> Any:
    """The symbol that gives the declared outputs in their order."""
    # MXNet calls an operator's only output by the operator's name and this ending.
    known = {name.removesuffix("_output"): name for name in symbol.list_outputs()}
    found = []
    for info in artifact.outputs:
        name = info.name.removesuffix("_output")
        if name not in known:
            raise InputError(
                f"the symbol has no output '{info.name}'",
                f"{near(name, known)}it has: {', '.join(known)}",
            )
        found.append(symbol[known[name]])
    return mx.sym.Group(found)


def _fit(
    mx: Any, symbol: Any, weights: dict[str, Any], states: dict[str, Any], artifact: Artifact
) -> None:
    """Check that parameters, symbol and manifest tell of the same tensors."""
    needed = symbol.list_arguments()
    given = {info.name for info in artifact.inputs}
    if unknown := [name for name in given if name not in needed]:
        free = [name for name in needed if name not in weights]
        raise InputError(
            f"the symbol has no input '{unknown[0]}'",
            f"{near(unknown[0], free)}it has: {', '.join(free)}",
        )
    missing = [name for name in needed if name not in weights and name not in given]
    missing += [name for name in symbol.list_auxiliary_states() if name not in states]
    if missing:
        raise InputError(
            f"{artifact.path}: the parameters have no {_named(missing)}, which the symbol needs",
            "take symbol and parameters of one export, or declare it as an input",
        )
    size = artifact.max_batch or _BATCH
    shapes = {info.name: _probe(info, size) for info in artifact.inputs}
    dtypes = {info.name: np.dtype(info.dtype) for info in artifact.inputs}
    own = {name: array for name, array in weights.items() if name in needed}
    wanted = _decided(mx, symbol, shapes)
    misfits = [
        f"{name} is {list(array.shape)}, not {list(wanted[name])}"
        for name, array in {**states, **own}.items()
        if name in wanted and array.shape != wanted[name]
    ]
    if misfits:
        raise _not_of_one_export(artifact, _named(misfits))
    shapes.update({name: array.shape for name, array in own.items()})
    dtypes.update({name: array.dtype for name, array in own.items()})
    try:
        _, results, _ = symbol.infer_shape(**shapes)
        _, kinds, state_kinds = symbol.infer_type(**dtypes)
    except mx.MXNetError as error:
        raise _misfit(artifact, error) from error
    misfits = [
        f"{name} is {np.dtype(states[name].dtype).name}, not {np.dtype(kind).name}"
        for name, kind in zip(symbol.list_auxiliary_states(), state_kinds, strict=True)
        if states[name].dtype != kind
    ]
    if misfits:
        raise _not_of_one_export(artifact, _named(misfits))
    for info, shape, dtype in zip(artifact.outputs, results, kinds, strict=True):
        sizes = [ANY_SIZE if size == _ANY else size for size in shape[1:]]
        if tuple(shape) != _probe(info, size) or np.dtype(dtype) != info.dtype:
            raise InputError(
                f"output '{info.name}' is {np.dtype(dtype).name} {['batch', *sizes]} in the "
                f"symbol, {info.dtype} {['batch', *info.shape]} in the manifest",
                "correct outputs in the model's manifest",
            )


def _decided(
    mx: Any, symbol: Any, inputs: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """The shapes of parameters that follow from those of the inputs."""
    try:
        arguments, _, states = symbol.infer_shape_partial(**inputs)
    except mx.MXNetError:
        # Some operators say nothing of an input while another one's shape is open.
        return {}
    names = [*symbol.list_arguments(), *symbol.list_auxiliary_states()]
    # A size that is open is 0, a shape that is open is ().
    return {
        name: tuple(shape)
        for name, shape in zip(names, [*arguments, *states], strict=True)
        if shape and all(shape)
    }


def _misfit(artifact: Artifact, error: Exception) -> InputError:
    """What MXNet says where shapes or types contradict each other."""
    said = _line(error)
    found = re.search(r"in node (\S+) at (\d+)-th input: expected (\w+), got (\w+)", said)
    # Input 0 is what the node is given, the others are its parameters.
    if found and found[2] != "0":
        return _not_of_one_export(artifact, f"{found[1]} has one of {found[4]}, not of {found[3]}")
    return InputError(
        f"{artifact.path}: the declared inputs do not fit the symbol: {said}",
        "correct inputs in the model's manifest",
    )


def _not_of_one_export(artifact: Artifact, what: str) -> InputError:
    return InputError(
        f"{artifact.path}: the parameters do not fit the symbol: {what}",
        "take symbol and parameters of one export",
    )


def _probe(info: TensorInfo, batch: int) -> tuple[int, ...]:
    return (batch, *(_ANY if size == ANY_SIZE else size for size in info.shape))


def _named(things: list[str]) -> str:
    more = len(things) - _NAMED
    return ", ".join(things[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
