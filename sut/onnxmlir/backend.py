"""onnx-mlir, and the IBM Z Deep Learning Compiler made of it, behind the backend protocol.

A model is compiled into a shared library once; the library is run through PyRuntime, which comes
with the compiler and not from a package index. What is said of the compiler's and the runtime's
interface is from onnx-mlir's documentation (docs/mnist_example, docs/PerformanceTesting.md).
"""

import atexit
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import PyRuntime

from loadscope.errors import InputError, WorkError, near
from loadscope.scratch import make_scratch, remove_scratch
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch, samples
from loadscope.sut.effective import Effective
from loadscope.sut.onnx_files import external_data
from loadscope.sut.onnxmlir.info import INFO
from loadscope.sut.onnxmlir.perf_report import VARIABLE
from loadscope.sut.tracing import Tracer
from loadscope.sut.tracing.calls import CallTracer
from loadscope.tensors import Tensors

_TITLE = "onnx-mlir"
_COMPILER = "onnx-mlir"

# Names of element types in a library's signature, where they are MLIR's and not NumPy's.
_DTYPES = {
    "f16": "float16", "f32": "float32", "f64": "float64", "i1": "bool", "i8": "int8",
    "i16": "int16", "i32": "int32", "i64": "int64", "ui8": "uint8",
}  # fmt: skip


class OnnxMlirBackend:
    """Runs a compiled library in one session that all calling threads share.

    Options of the artifact:
        accelerator: ``NNPA`` to compile for the accelerator of z16 and later; the CPU alone
            where it is left out.
        march: The machine to compile for (``z16``, ``z17``); the compiler's own where left out.
        optimization: The compiler's level, 0 to 3 (the default).
        compiler: The compiler's command or path (default ``onnx-mlir``).
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Compile the model unless that is done, and open the library.

        Args:
            artifact: An ``onnx`` file, or an ``onnx-mlir-library``.
            threads: Not used: the compiled code runs in the calling thread.

        Raises:
            InputError: An option is unknown, the compiler is missing, or the tensors are not
                the declared ones.
            WorkError: The compiler failed, or the library does not load.
        """
        INFO.check_options(artifact.options)
        # An instrumented library writes to standard output where it is not told of a file, and
        # keeps to what it was told at its first run.
        self._report = _report_file()
        self._artifact = artifact
        self._session, inputs, outputs = _open(artifact, instrumented=False)
        self._order = _positions("input", artifact.inputs, inputs, artifact.max_batch)
        self._places = _positions("output", artifact.outputs, outputs, artifact.max_batch)
        fixed = any(entry["dims"][0] != -1 for entry in inputs)
        self._fixed = artifact.max_batch if fixed else None
        self._inputs = [info.name for info in artifact.inputs]
        self._outputs = [info.name for info in artifact.outputs]
        self._check = BatchCheck(artifact.inputs)

    def effective(self) -> Effective:
        """The batch size; a library tells nothing of what it was compiled for."""
        return Effective({"fixed_batch": self._fixed})

    def predict(self, batch: Tensors) -> Tensors:
        """Run the library.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        return self._run(self._session, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the model is compiled and loaded a second time.

        A library that is given as it is must have been compiled with instrumentation.

        Raises:
            InputError: The runtime tells of no layers.
            WorkError: The compiler failed.
        """
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.onnxmlir.tracer import OnnxMlirTracer

        session, _, _ = _open(self._artifact, instrumented=True)
        model = self._artifact.path if self._artifact.format == "onnx" else None
        return OnnxMlirTracer(session, self._run, self._report, model)

    def _run(self, session: Any, batch: Tensors) -> Tensors:
        self._check(batch)
        if session is None:
            raise RuntimeError("predict was called after close")
        count = samples(batch)
        short = self._fixed is not None and count != self._fixed
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        given = [batch[self._inputs[position]] for position in self._order]
        found = session.run(given)
        return {
            name: np.ascontiguousarray(found[place][:count] if short else found[place])
            for name, place in zip(self._outputs, self._places, strict=True)
        }

    def close(self) -> None:
        """Drop the session."""
        self._session = None


@functools.cache
def _report_file() -> Path:
    """Where libraries of this process append their reports: the user's file, or one of its own."""
    if VARIABLE not in os.environ:
        # A measured process ends without its exit handlers; then the next one removes it.
        folder = make_scratch("report")
        atexit.register(remove_scratch, folder)
        os.environ[VARIABLE] = str(folder / "operations.txt")
    return Path(os.environ[VARIABLE])


def _open(artifact: Artifact, instrumented: bool) -> tuple[Any, list[Any], list[Any]]:
    """A session of the library, and the signatures of its inputs and outputs."""
    library = artifact.path if artifact.format != "onnx" else _compiled(artifact, instrumented)
    # Releases of the runtime before 0.3 say ExecutionSession.
    make = getattr(PyRuntime, "OMExecutionSession", None) or PyRuntime.ExecutionSession
    try:
        session = make(str(library))
        inputs = json.loads(session.input_signature())
        outputs = json.loads(session.output_signature())
    except (RuntimeError, OSError, ValueError) as error:
        raise WorkError(
            f"{_TITLE} cannot load {library}: {error}",
            "compile it on this machine, with the compiler that the runtime belongs to",
        ) from error
    return session, inputs, outputs


def _compiled(artifact: Artifact, instrumented: bool) -> Path:
    """The library of a model, made at most once for each set of options and each file."""
    options = artifact.options
    command = _command(artifact)
    if instrumented:
        # Times and shapes of operations; the stage is where those of the accelerator are named.
        stage = "ZHigh" if options.get("accelerator") else "Onnx"
        command.append(f"--profile-ir-with-sig={stage}")
    digest = hashlib.sha256(json.dumps(command).encode())
    for file in (artifact.path, *external_data(artifact.path)):
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    name = f"{artifact.path.stem}-{digest.hexdigest()[:16]}.so"
    final = artifact.path.parent / name
    if final.exists():
        return final
    compiler = options.get("compiler", _COMPILER)
    if shutil.which(compiler) is None:
        raise InputError(
            f"{_TITLE}: the compiler '{compiler}' is not on the path",
            "install the IBM Z Deep Learning Compiler and add its bin folder to PATH, or name the "
            "compiler with options: {compiler: ...} in the model's manifest",
        )
    with tempfile.TemporaryDirectory(dir=artifact.path.parent) as folder:
        target = Path(folder) / "model"
        done = subprocess.run(
            [compiler, *command, str(artifact.path), "-o", str(target)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        made = target.with_suffix(".so")
        if done.returncode or not made.exists():
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise WorkError(
                f"{compiler} failed on {artifact.path} (status {done.returncode}): {said[:300]}",
                f"see what it says: {compiler} {' '.join(command)} {artifact.path}",
            )
        made.replace(final)
    return final


def _command(artifact: Artifact) -> list[str]:
    options = artifact.options
    accelerator = options.get("accelerator")
    level = options.get("optimization", 3)
    if not 0 <= level <= 3:
        raise InputError(f"{_TITLE}: optimization = {level} is not 0 to 3", "correct the manifest")
    command = ["--EmitLib", f"-O{level}"]
    if accelerator:
        command.append(f"--maccel={accelerator}")
    if "march" in options:
        command.append(f"--march={options['march']}")
    return command


def _positions(
    side: str, declared: tuple[TensorInfo, ...], signature: list[Any], fixed: int | None
) -> list[int]:
    """For inputs, the declared position of each of the library's; for outputs the reverse."""
    fix = f"correct {side}s in the model's manifest"
    names = [entry["name"] for entry in signature]
    known = [info.name for info in declared]
    for info in declared:
        if info.name not in names:
            raise InputError(
                f"the library has no {side} '{info.name}'",
                f"{near(info.name, names)}it has: {', '.join(names)}",
            )
        entry = signature[names.index(info.name)]
        dtype, dims = _DTYPES.get(entry["type"], entry["type"]), entry["dims"]
        fits = len(dims) == 1 + len(info.shape) and all(
            size in (-1, given) for size, given in zip(dims[1:], info.shape, strict=True)
        )
        if dtype != info.dtype or not fits:
            raise InputError(
                f"{side} '{info.name}' is {dtype} {dims} in the library, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
        if dims[0] != -1:
            require_batch(side, info.name, dims[0], fixed)
    if side == "output":
        return [names.index(name) for name in known]
    if left_out := set(names) - set(known):
        raise InputError(f"the library also needs input '{min(left_out)}'", fix)
    return [known.index(name) for name in names]
