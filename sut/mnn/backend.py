"""MNN behind the backend protocol."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from loadscope.errors import InputError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, samples
from loadscope.sut.effective import Effective
from loadscope.sut.mnn.info import INFO
from loadscope.sut.mnn.mnn_import import HAS_HALF
from loadscope.sut.mnn.session import Run, Session
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

_SOME = 8
"""A length to plan with where each batch chooses its own."""
# MNN has whole numbers of 32 bits.
_SAME = {("int64", "int32"), ("bool", "int32")}


class MnnBackend:
    """Runs a model in sessions, one for each call in flight, each with weights of its own.

    Options of the artifact:
        dtype: ``float32`` (the default) is MNN's precision ``high``; ``float16`` is ``low``,
            which builds for x86-64 do not have. ``normal`` is as ``high`` on a CPU.
    """

    def __init__(self) -> None:
        self._free: list[Session] = []
        self._closed = True

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the model and hold its tensors against the manifest.

        Args:
            artifact: An ``mnn`` file. The file does not tell a fixed batch size from a free one:
                ``max_batch`` does.
            threads: Threads for each call of ``predict``.

        Raises:
            InputError: MNN cannot read the file, its tensors are not the declared ones, or an
                option is unknown.
        """
        INFO.check_options(artifact.options)
        self._loaded = artifact, threads
        self._dtype = artifact.options.get("dtype", "float32")
        self._preparing = threading.Lock()
        session = self._session()
        _require("input", artifact.inputs, session.inputs(), complete=True)
        batch = artifact.max_batch or 1
        sizes = {
            one.name: (batch, *(_SOME if size == ANY_SIZE else size for size in one.shape))
            for one in artifact.inputs
        }
        session.plan(sizes)
        _require("output", artifact.outputs, session.outputs(), complete=False)
        self._outputs = [one.name for one in artifact.outputs]
        self._dtypes = {one.name: np.dtype(one.dtype) for one in artifact.outputs}
        self._check = BatchCheck(artifact.inputs)
        self._free = [session]
        self._effective = Effective(
            {
                "device": session.device(),
                "threads": session.threads(),
                "dtype": self._dtype if HAS_HALF else "float32",
                "fixed_batch": artifact.max_batch,
            },
            {
                "dtype": "this build of MNN has no half precision for this processor",
                "threads": f"the process may use {len(os.sched_getaffinity(0))} CPUs",
            },
        )
        self._closed = False

    def effective(self) -> Effective:
        """Device and threads, as the session tells them, and what MNN says of half precision."""
        if self._closed:
            raise RuntimeError("effective was called after close")
        return self._effective

    def predict(self, batch: Tensors) -> Tensors:
        """Run a session that is not at work, made where there is none.

        Args:
            batch: The declared inputs.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if self._closed:
            raise RuntimeError("predict was called after close")
        with self._borrowed() as session:
            return self._run(session, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``."""
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.mnn.tracer import MnnTracer

        artifact, _ = self._loaded
        return MnnTracer(self._traced, artifact.path)

    def _traced(self, batch: Tensors, run: Run) -> Tensors:
        with self._borrowed() as session:
            return self._run(session, batch, run)

    @contextmanager
    def _borrowed(self) -> Iterator[Session]:
        try:
            session = self._free.pop()
        except IndexError:
            session = self._session()
        yield session
        # One in which a call has failed is not used again.
        self._free.append(session)

    def _session(self) -> Session:
        artifact, threads = self._loaded
        # What MNN says while it makes one is held back for the whole process.
        with self._preparing:
            return Session(artifact.path, threads, self._dtype)

    def _run(self, session: Session, batch: Tensors, run: Run | None = None) -> Tensors:
        fixed = self._loaded[0].max_batch
        count = samples(batch)
        if fixed is not None:
            batch = filled(batch, fixed)
        given = () if run is None else (run,)
        found = session.run(batch, self._outputs, *given)
        return {
            name: array[:count].astype(self._dtypes[name], copy=False)
            for name, array in found.items()
        }

    def close(self) -> None:
        """Drop the sessions."""
        self._closed = True
        self._free.clear()


def _require(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Mapping[str, tuple[str, tuple[int, ...]]],
    complete: bool,
) -> None:
    """Hold declared tensors against the model's; ``complete``: none may be left out.

    Raises:
        InputError: One is not there, or is of another type or shape.
    """
    fix = f"correct {side}s in the model's manifest"
    for info in declared:
        if info.name not in actual:
            raise InputError(
                f"the model has no {side} '{info.name}'",
                f"{near(info.name, actual)}it has: {', '.join(actual)}",
            )
        dtype, sizes = actual[info.name]
        fits = len(sizes) == 1 + len(info.shape) and all(
            ANY_SIZE in (size, given) or size == given
            for size, given in zip(sizes[1:], info.shape, strict=True)
        )
        if (info.dtype != dtype and (info.dtype, dtype) not in _SAME) or not fits:
            shown: list[Any] = ["batch", *sizes[1:]]
            raise InputError(
                f"{side} '{info.name}' is {dtype} {shown} in the model, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
    left_out = sorted(actual.keys() - {info.name for info in declared})
    if complete and left_out:
        raise InputError(f"the model also needs {side} '{left_out[0]}'", fix)
