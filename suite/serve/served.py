"""The model that a SUT serves: found, loaded, and told of."""

import os
import platform
import resource
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psutil

import loadscope
from loadscope.cores import usable_cores
from loadscope.datasets.task import Progress
from loadscope.devices import GPUS, kind_of
from loadscope.errors import InputError, WorkError
from loadscope.names import Scenario
from loadscope.paths import cache_root
from loadscope.rundir.remote_record import RemoteSut, ServedModel, ServedTensor
from loadscope.rundir.spec import RunSpec
from loadscope.scenarios.execution import Execution
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.run.provenance import host, versions
from loadscope.suite.run.understood import understand
from loadscope.sut.backend import Artifact, Backend, TensorInfo
from loadscope.sut.effective import require_in_force
from loadscope.sut.info import DEVICE, BackendInfo
from loadscope.sut.network.protocol import PROTOCOL
from loadscope.sut.network.wire import decode, encode
from loadscope.sut.registry import backend_info, open_backend, require_installed
from loadscope.tensors import Tensors


@dataclass(frozen=True)
class Served:
    """A loaded model.

    Attributes:
        told: What is said of it.
        threads: Those in which it is called.
        answer: From a message with inputs to one with outputs; called in one of the threads.
    """

    told: RemoteSut
    threads: ThreadPoolExecutor
    answer: Callable[[bytearray], bytes]

    def peak_memory(self) -> int:
        """The most memory that this process and those that it has started had, bytes."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return own + sum(map(_peak, psutil.Process().children(recursive=True)))


def load(spec: RunSpec, most_batch: int | None, progress: Progress) -> Served:
    """Find a model, load it, and have threads that call it.

    Args:
        spec: Model, framework, device, options, threads and workers; its scenario has no meaning.
        most_batch: The most samples that are taken at once; None for what the model's file takes.
        progress: Told of long work.

    Raises:
        InputError: Something named is unknown, missing or broken.
        WorkError: A download or a build failed.
    """
    backend = backend_info(spec.framework)
    if backend.reach is not None:
        raise InputError(
            f"--framework {spec.framework} is a way to a SUT, not what computes in one",
            "name the framework that runs the model",
        )
    if backend.generates:
        raise InputError(
            f"--framework {spec.framework} makes whole answers by steps of its own, and a SUT over "
            "the network answers batch by batch",
            "name another framework, or run it here: loadscope run",
        )
    understood = understand(spec, None)
    chosen = understood.entry.artifact_for(spec.framework)
    device = {} if spec.device is None else {DEVICE: spec.device}
    options = {**chosen.entry.options, **spec.options, **device}
    backend.check_options(options)
    require_installed(backend)
    backend.require_device(options)
    gpu = kind_of(backend.device(options)) in GPUS
    execution = Execution.decide(
        Scenario.SERVER, usable_cores(), 1, spec.workers, spec.threads, None,
        chosen.entry.max_batch, 1, backend.one_caller, gpu,
    )  # fmt: skip
    if None not in (most_batch, chosen.entry.max_batch):
        most_batch = min(most_batch or 0, chosen.entry.max_batch or 0)
    model = materialise(understood.id, understood.entry, spec.framework, cache_root(), progress)
    artifact = replace(model.artifact, options=options, digest=model.sha256)
    threads = ThreadPoolExecutor(execution.workers, thread_name_prefix="sut")
    # A framework may want to be called in the thread that has loaded it.
    loaded = threads.submit(_loaded, backend, artifact, execution.threads).result()
    numerics = backend.numerics(options, chosen.entry.numerics)
    effective = loaded.effective()
    told = RemoteSut(
        protocol=PROTOCOL,
        server=f"LoadScope {loadscope.__version__}",
        name=f"Network SUT {platform.node()} {os.getpid()} ({spec.framework} {understood.id})",
        instance=uuid4().hex,
        framework=spec.framework,
        threads=execution.threads,
        workers=execution.workers,
        max_batch=most_batch or chosen.entry.max_batch,
        in_force=dict(effective.settings),
        model=ServedModel(
            id=understood.id,
            sha256=model.sha256,
            files=dict(model.files),
            verified=model.verified,
            source=model.source,
            format=model.artifact.format,
            numerics=numerics,
            device=backend.device(options),
            options=options,
        ),
        inputs=_tensors(artifact.inputs),
        outputs=_tensors(artifact.outputs),
        host=host(),
        versions=versions(backend),
    )
    return Served(told, threads, _answering(loaded, told))


def _loaded(info: BackendInfo, artifact: Artifact, threads: int) -> Backend:
    backend = open_backend(info.name)
    backend.load(artifact, threads)
    require_in_force(
        info, threads, artifact.options, backend.effective(), artifact.numerics, artifact.max_batch
    )
    return backend


def _answering(backend: Backend, told: RemoteSut) -> Callable[[bytearray], bytes]:
    inputs = [one.name for one in told.inputs]

    def answer(message: bytearray) -> bytes:
        batch = decode(message)
        _require_samples(batch, inputs, told.max_batch)
        try:
            return encode(backend.predict({name: batch[name] for name in inputs}))
        except (InputError, WorkError):
            raise
        # Whatever a framework raises: the client is told, and goes.
        except Exception as error:
            with _printing:
                traceback.print_exc()
            raise WorkError(
                f"the SUT failed: {type(error).__name__}: {error}", "look at the SUT's own output"
            ) from error

    return answer


_printing = threading.Lock()


def _require_samples(batch: Tensors, inputs: list[str], most: int | None) -> None:
    missing = [name for name in inputs if name not in batch]
    if missing:
        raise InputError(
            f"the batch has no input '{missing[0]}'", f"the model takes: {', '.join(inputs)}"
        )
    counts = {array.shape[0] if array.ndim else 0 for array in batch.values()}
    if len(counts) != 1 or 0 in counts:
        raise InputError(
            f"the batch: expected the same number of samples in each input, got {sorted(counts)}",
            "the first axis is the batch",
        )
    if most is not None and (count := counts.pop()) > most:
        raise InputError(
            f"the batch: expected at most {most} samples, got {count}",
            f"use --batch-size {most} or less",
        )


def _tensors(infos: tuple[TensorInfo, ...]) -> tuple[ServedTensor, ...]:
    return tuple(ServedTensor(name=one.name, dtype=one.dtype, shape=one.shape) for one in infos)


def _peak(process: psutil.Process) -> int:
    """A process's high-water mark; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0
