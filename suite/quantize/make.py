"""Make an int8 artifact of a model by a framework's own tool, and the manifest that has it."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_text
from loadscope.in_use import keep
from loadscope.paths import cache_root
from loadscope.rundir.quantized import Quantized
from loadscope.rundir.spec import RunSpec
from loadscope.suite.fetch.artifacts import Materialised, materialise
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.store import cached_digest, locked, write_stamp
from loadscope.suite.models.artifact_entry import ArtifactEntry, Weights
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.manifest import manifest_text
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.tensor_spec import TensorSpec
from loadscope.suite.quantize.calibration import CalibrationSet, calibration_set
from loadscope.suite.quantize.process import QuantizeJob
from loadscope.suite.run.understood import UnderstoodModel, understand
from loadscope.sut.info import BackendInfo
from loadscope.sut.quantizer import Quantizer
from loadscope.sut.registry import backend_info, readable, require_installed

_IMAGE_SIZES = 3
NUMERICS: Literal["int8"] = "int8"


@dataclass(frozen=True)
class QuantizedModel:
    """A model that was quantised.

    Attributes:
        id: The new entry's id.
        origin_id: Of the model that it was made from.
        task: Its task.
        framework: What it is for.
        path: Its file.
        bytes: Of every file of it.
        origin_bytes: Of every file of the model that it was made from.
        text: The manifest that has it alone.
        quantized: Its provenance.
    """

    id: str
    origin_id: str
    task: str
    framework: str
    path: Path
    bytes: int
    origin_bytes: int
    text: str
    quantized: Quantized


def quantize_model(asked: RunSpec, names: Path | None, progress: Progress) -> QuantizedModel:
    """Quantise a model; one that was quantised alike before is taken from the cache.

    Args:
        asked: Names model, framework, calibration data (``dataset_path``) and their number.
        names: A list of the calibration samples to take.
        progress: Told of long work.

    Raises:
        InputError: The framework has no quantiser or is not installed, the model has no file that
            it takes or is int8 already, or the calibration data are not usable.
        WorkError: The tool failed.
    """
    info = backend_info(asked.framework)
    tool = _tool(info)
    require_installed(info)
    versions = tool.versions()
    understood = understand(asked, None)
    key = _origin_key(understood, info, tool)
    # Of the task's samples as the artifact takes that is quantised.
    spec = asked.model_copy(update={"framework": key})
    cache = cache_root()
    samples = calibration_set(spec, understood.entry, names, cache, progress)
    origin = materialise(understood.id, understood.entry, key, cache, progress)
    path = _made(understood.id, info, tool, versions, origin, samples, understood, key, progress)
    quantized = Quantized(
        tool=tool.tool,
        versions=versions,
        origin=origin.sha256,
        dataset=samples.name,
        digest=samples.digest,
        count=samples.count,
        listed=names.name if names else "",
        samples=dict(samples.samples),
    )
    files = info.model_files(tool.makes, path)
    entry = _entry(understood.entry, info, tool, key, files, quantized)
    model_id = f"{re.sub('[^a-z0-9._-]', '-', understood.id.lower())}-{NUMERICS}-{info.name}"
    before = backend_info(key).model_files(origin.artifact.format, origin.artifact.path)
    return QuantizedModel(
        model_id,
        understood.id,
        entry.task,
        info.name,
        path,
        sum(file.stat().st_size for file in files),
        sum(file.stat().st_size for file in before),
        manifest_text(model_id, entry),
        quantized,
    )


def _tool(info: BackendInfo) -> Quantizer:
    if info.quantizer is None:
        able = [one.name for one in readable() if one.quantizer]
        raise InputError(
            f"{info.title} has no quantiser of its own here", f"use one of: {', '.join(able)}"
        )
    return info.quantizer


def _origin_key(understood: UnderstoodModel, info: BackendInfo, tool: Quantizer) -> str:
    """The key of the artifact that is quantised: the framework's own before others."""
    entry = understood.entry
    own = entry.frameworks().get(info.name)
    if own is not None and entry.artifacts[own].numerics == NUMERICS:
        raise InputError(
            f"{understood.id} is {NUMERICS} on {info.title} already", "give the model in float32"
        )
    keys = [*([own] if own else []), *entry.artifacts]
    for format in tool.formats:
        for key in keys:
            artifact = entry.artifacts[key]
            if artifact.format == format and artifact.numerics != NUMERICS:
                return key
    has = dict.fromkeys(artifact.format for artifact in entry.artifacts.values())
    raise InputError(
        f"{tool.tool} quantises {' and '.join(tool.formats)}; {understood.id} has {', '.join(has)}",
        "add such an artifact with --models FILE, or quantise for another framework",
    )


def _made(
    model_id: str,
    info: BackendInfo,
    tool: Quantizer,
    versions: dict[str, str],
    origin: Materialised,
    samples: CalibrationSet,
    understood: UnderstoodModel,
    key: str,
    progress: Progress,
) -> Path:
    """The quantised file in the cache, under a key of all that shapes it."""
    code = importlib.util.find_spec(tool.location.partition(":")[0])
    material = [
        tool.location,
        file_sha256(Path(code.origin)) if code and code.origin else "",
        versions,
        origin.sha256,
        samples.digest,
        repr(samples.preprocess),
    ]
    digest = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]
    name = f"{model_id.replace('/', '-')}-{NUMERICS}-{info.name}"
    folder = cache_root() / "artifacts" / "build" / f"{name}-{digest}"
    target = folder / f"{name}{tool.suffix}"
    keep(folder)
    if cached_digest(target, Checksum()):
        return target
    with locked(target, progress):
        if cached_digest(target, Checksum()) is None:
            stage = f"quantise by {tool.tool}"
            progress(stage, 0, 0)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
                output = Path(part, target.name)
                job = QuantizeJob(
                    location=tool.location,
                    task=understood.entry.task,
                    artifact=origin.artifact,
                    samples=samples.prepared,
                    preprocess=samples.preprocess,
                    output=output,
                    errors=Path(part, ".error.json"),
                )
                _run(job, Path(part, ".job.json"), folder / "quantise.log", tool)
                # The named file last: once it is there, all are.
                made = [each for each in sorted(Path(part).iterdir()) if each.name[0] != "."]
                for each in sorted(made, key=lambda file: file == output):
                    shutil.move(each, folder / each.name)
            write_stamp(target, file_sha256(target), tool.location)
            progress(stage, 1, 1)
    return target


def _run(job: QuantizeJob, path: Path, log: Path, tool: Quantizer) -> None:
    write_text(path, job.model_dump_json())
    command = [sys.executable, "-P", "-m", "loadscope.suite.quantize.process", str(path)]
    with log.open("wb") as said:
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ).returncode
    if not status:
        return
    if job.errors.exists():
        message, fix = json.loads(job.errors.read_text(encoding="utf-8"))
        raise (InputError if status == 2 else WorkError)(message, fix)
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), f"status {status}")
    raise WorkError(f"{tool.tool} failed: {last[:300]}", f"its whole output is in {log}")


def _entry(
    entry: ModelEntry,
    info: BackendInfo,
    tool: Quantizer,
    key: str,
    files: list[Path],
    quantized: Quantized,
) -> ModelEntry:
    """The model with the quantised file alone."""
    origin, lineage = entry.artifacts[key], entry.lineage(key)
    done = (
        f"quantised to {NUMERICS} by {quantized.made_by()}: {tool.does}; calibrated on "
        f"{quantized.count} samples of {quantized.dataset}"
    )
    first = entry.weights_source(key)
    artifact = ArtifactEntry(
        source=f"file:{files[0]}",
        sha256=file_sha256(files[0]),
        files={file.name: file_sha256(file) for file in files[1:]},
        format=tool.makes,
        layout=tool.layout if origin.layout and tool.layout else origin.layout,
        inputs=_inputs(origin, tool),
        outputs=origin.outputs,
        numerics=NUMERICS,
        max_batch=origin.max_batch,
        preprocess=origin.preprocess,
        postprocess=origin.postprocess,
        weights=Weights(
            file=lineage["file"] or PurePosixPath(first.partition("#")[2] or first).name,
            retrained=lineage["retrained"],
            changes="; ".join([*lineage["steps"], done]),
            quantized=quantized,
        ),
    )
    # A published figure is that of the weights as they were.
    accuracy = (origin.accuracy or entry.accuracy).model_copy(update={"published": None})
    return entry.model_copy(
        update={
            "title": f"{entry.title}, {NUMERICS} by {tool.tool}",
            "accuracy": accuracy,
            "artifacts": {info.name: artifact},
            "stand_in": "",
        }
    )


def _inputs(origin: ArtifactEntry, tool: Quantizer) -> dict[str, TensorSpec]:
    """The inputs as the tool's file takes them: images in its own layout."""
    if origin.layout != "NCHW" or tool.layout != "NHWC":
        return origin.inputs
    return {
        name: spec.model_copy(update={"shape": (*spec.shape[1:], spec.shape[0])})
        if len(spec.shape) == _IMAGE_SIZES
        else spec
        for name, spec in origin.inputs.items()
    }
