"""An entry for a model's file alone: what the file says, the user says, and what is assumed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from loadscope.datasets.declared import Asked, Draft, FileModel
from loadscope.datasets.registry import task, task_names
from loadscope.datasets.task import Task
from loadscope.errors import InputError, unexpected
from loadscope.names import DEFAULT_NUMERICS
from loadscope.shapes import DTYPES, Sizes, parse_sizes
from loadscope.strict_yaml import read_yaml
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.models.own_model_text import (
    tensors_text,
    to_say_otherwise,
    understood_lines,
)
from loadscope.sut.backend import TensorInfo
from loadscope.sut.info import BackendInfo
from loadscope.sut.registry import backend_info, readable
from loadscope.sut.signature import FileTensor, Signature, with_given
from loadscope.sut.signature_process import read_signature
from loadscope.tensors import ANY_SIZE, fits

_UNKNOWN_LICENCE = "NOASSERTION"
"""SPDX's word for a licence of which nothing is known."""


@dataclass(frozen=True)
class Said:
    """What the user says of a model beside its file.

    Attributes:
        framework: The backend's name.
        task: The task's name, None where the tensors are to tell.
        preprocess: A name that the task knows, or the path of a YAML file.
        shape: By input, sizes as text.
        data: The arrays to feed as they are, which is for a task of any model.
        is_random: Whether random numbers are fed, likewise.
    """

    framework: str
    task: str | None = None
    preprocess: str | None = None
    shape: Mapping[str, str] = field(default_factory=dict)
    data: Path | None = None
    is_random: bool = False

    @property
    def any_inputs(self) -> bool:
        """Whether arrays are fed as they are."""
        return self.data is not None or self.is_random

    def sizes(self) -> dict[str, Sizes]:
        """The sizes in numbers."""
        return {name: parse_sizes(text) for name, text in self.shape.items()}


@dataclass(frozen=True)
class Inferred:
    """An entry that was not written by hand.

    Attributes:
        entry: The entry.
        lines: What it was understood as, what was assumed, and what to say instead.
    """

    entry: ModelEntry
    lines: tuple[str, ...]


def reading(path: Path) -> list[BackendInfo]:
    """The backends that read a file of this name, installed ones first.

    Of those, first the ones that several workers may call: what the machine can do shows there.
    """
    able = [info for info in readable() if info.answers and info.format_of(path)]
    return sorted(able, key=lambda info: (not info.installed(), info.one_caller))


def framework_of(path: Path) -> str:
    """The framework that a file is run with where none is named.

    Raises:
        InputError: There is no such file, or no framework that reads it is installed.
    """
    _require(path)
    able = reading(path)
    if not able:
        raise _no_format(path, None)
    if not able[0].installed():
        raise InputError(f"{path}: {able[0].title} is not installed here", able[0].install)
    return able[0].name


def infer_entry(path: Path, said: Said) -> Inferred:
    """Make an entry for a model's file.

    Args:
        path: The file, or the folder of a format that is one.
        said: What the user says.

    Raises:
        InputError: The file is missing, of no format of the framework, or unusable; or more must
            be said of it.
    """
    _require(path)
    info = backend_info(said.framework)
    format = info.format_of(path)
    if not format:
        raise _no_format(path, info)
    signature = read_signature(said.framework, format, path, said.sizes())
    more = _of_data(said, signature.inputs)
    if more:
        signature = read_signature(said.framework, format, path, {**more, **said.sizes()})
    batch, model, left_out = _without_batch(path, signature)
    kind, draft = _draft(path, model, said)
    inputs = {one.name: draft.sizes.get(one.name, one.shape) for one in model.inputs}
    dtypes = {one.name: one.dtype for one in (*model.inputs, *model.outputs)}
    outputs = {one.name: one.shape for one in model.outputs if one.name in draft.outputs}
    artifact: dict[str, Any] = {
        "source": f"file:{path.absolute()}",
        "format": format,
        "inputs": {name: _tensor(dtypes[name], sizes) for name, sizes in inputs.items()},
        "outputs": {name: _tensor(dtypes[name], sizes) for name, sizes in outputs.items()},
    }
    artifact |= {"layout": draft.layout} if draft.layout else {}
    artifact |= {"max_batch": batch} if batch is not None else {}
    if model.decoding is not None:
        artifact["decoder"] = {"tokens": model.inputs[0].name, "logits": model.outputs[0].name}
    computes = "float16" if "float16" in dtypes.values() else signature.numerics
    artifact |= {"numerics": computes} if computes != DEFAULT_NUMERICS else {}
    entry = _validated(
        {
            "title": path.name,
            "task": kind.name,
            "licence": _UNKNOWN_LICENCE,
            "preprocess": draft.preprocess,
            "postprocess": draft.postprocess,
            "artifacts": {said.framework: artifact},
        },
        said.preprocess or str(path),
    )
    lines = understood_lines(
        f"{path.name} ({format}, {info.title})", entry, said.framework, draft, left_out
    )
    return Inferred(entry, (*lines, to_say_otherwise(path)))


def as_task(model_id: str, entry: ModelEntry, said: Said) -> Inferred:
    """The entry of a known model as one of a task that takes any model.

    Args:
        model_id: The model's id.
        entry: The model.
        said: What the user says; ``task`` or ``any_inputs`` is set.

    Raises:
        InputError: The task is not one that takes any model, or more must be said.
    """
    kind = _any_model() if said.task is None else task(said.task)
    if not kind.any_model:
        raise InputError(
            f"--task {kind.name}: {model_id} is a model of {entry.task}",
            f"leave --task out; --task {_any_model().name} takes any model",
        )
    plain = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    chosen = entry.artifact_for(said.framework).key
    artifacts: dict[str, Any] = {}
    drafts: dict[str, Draft] = {}
    taken = _with_sizes(entry.artifacts[chosen].tensors("inputs"), said)
    key: str | None = chosen
    while key is not None:
        own = entry.artifacts[key]
        inputs = _sized_alike(own.tensors("inputs"), taken)
        draft = kind.infer(FileModel(inputs, own.tensors("outputs")), _asked(said.preprocess))
        if draft is None:
            raise TypeError(f"{kind.name} takes any model, but not {model_id}")
        size = getattr(entry.artifact_for(key).preprocess, "size", None)
        artifacts[key] = {
            **plain["artifacts"][key],
            "inputs": {one.name: _tensor(one.dtype, draft.sizes[one.name]) for one in inputs},
            "preprocess": draft.preprocess,
            "postprocess": draft.postprocess,
            **({} if size is None else {"size": size}),
        }
        artifacts[key].pop("accuracy", None)
        drafts[key] = draft
        key = own.made_from
    derived = _validated(
        {
            **{name: plain[name] for name in ("title", "licence", "classes") if name in plain},
            "task": kind.name,
            "accuracy": {"meaningful": entry.artifact_for(said.framework).accuracy.meaningful},
            "preprocess": drafts[chosen].preprocess,
            "postprocess": drafts[chosen].postprocess,
            "artifacts": artifacts,
        },
        said.preprocess or model_id,
    )
    title = backend_info(said.framework).title
    lines = understood_lines(f"{model_id} ({title})", derived, said.framework, drafts[chosen], ())
    return Inferred(derived, tuple(lines))


def require_nothing_said(model_id: str, said: Said) -> None:
    """Refuse what is for a file alone, where the model has an entry.

    Raises:
        InputError: It is given.
    """
    given = {"--preprocess": said.preprocess, "--shape": said.shape}
    for option in (name for name, value in given.items() if value):
        raise InputError(
            f"{option}: {model_id} has an entry that says it already",
            f"leave it out, or add --task {_any_model().name}",
        )


def _require(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: not found", "check the path of the model's file")


def _no_format(path: Path, info: BackendInfo | None) -> InputError:
    if info is not None and (able := reading(path)):
        names = " or ".join(one.name for one in able)
        return InputError(f"{path}: {info.title} does not read it", f"use --framework {names}")
    if path.is_file() and reading(path.parent):
        return InputError(f"{path}: is a part of a model's folder", f"name it: {path.parent}")
    ends = {end for one in readable() if one.answers for each in one.files.values() for end in each}
    kind = "folder" if path.is_dir() else "file"
    return InputError(
        f"{path}: no framework reads a {kind} of this name",
        f"rename it to end in one of {', '.join(sorted(ends))}; or write a manifest for --models",
    )


def _without_batch(
    path: Path, signature: Signature
) -> tuple[int | None, FileModel, tuple[str, ...]]:
    """The fixed batch, the tensors of a sample, and the outputs that have none."""
    batches = {}
    inputs = []
    for one in signature.inputs:
        if one.dtype not in DTYPES:
            raise InputError(
                f"{path}: input '{one.name}' is of type {one.dtype}, which cannot be fed",
                f"save a model whose inputs are of {', '.join(DTYPES)}",
            )
        if one.shape is None:
            raise InputError(
                f"{path}: the file does not tell the sizes of its input '{one.name}'",
                f"add --shape {one.name}=1,… with all of them, the batch's first",
            )
        if not one.shape:
            raise InputError(
                f"{path}: input '{one.name}' has no batch axis: it is one number for all samples",
                "save the model with that number as a constant",
            )
        if one.shape[0] is not None:
            batches[one.name] = one.shape[0]
        inputs.append(_sample(one, one.shape))
    if len(set(batches.values())) > 1:
        shown = ", ".join(f"'{name}' {size}" for name, size in batches.items())
        raise InputError(
            f"{path}: the first axes of its inputs have unlike fixed sizes: {shown}",
            "save the model with the samples along the first axis of each input",
        )
    batch = next(iter(batches.values()), None)
    kept = [
        _sample(one, one.shape)
        for one in signature.outputs
        if one.shape and one.shape[0] in (None, batch) and one.dtype in DTYPES
    ]
    if not kept:
        raise InputError(
            f"{path}: none of its outputs has a batch axis of which the file tells",
            "save the model with the samples along the first axis, or say all sizes with --shape",
        )
    names = {one.name for one in kept}
    left_out = tuple(one.name for one in signature.outputs if one.name not in names)
    return batch, FileModel(inputs, kept, signature.decoding), left_out


def _sample(tensor: FileTensor, shape: tuple[int | None, ...]) -> TensorInfo:
    sizes = tuple(ANY_SIZE if size is None else size for size in shape[1:])
    return TensorInfo(tensor.name, tensor.dtype, sizes)


def _with_sizes(inputs: Sequence[TensorInfo], said: Said) -> list[TensorInfo]:
    """The declared inputs of a known model with the sizes that the user says."""
    known = [
        FileTensor(
            one.name, one.dtype, (None, *(None if size == ANY_SIZE else size for size in one.shape))
        )
        for one in inputs
    ]
    filled = with_given(known, {**_of_data(said, known), **said.sizes()})
    return [_sample(one, one.shape or ()) for one in filled]


def _sized_alike(inputs: Sequence[TensorInfo], taken: Sequence[TensorInfo]) -> list[TensorInfo]:
    """The inputs of what a model is made from, which have other names at times, as its own."""
    if len(inputs) != len(taken):
        return list(inputs)
    return [
        replace(one, shape=other.shape) if fits(other.shape, one.shape) else one
        for one, other in zip(inputs, taken, strict=True)
    ]


def _of_data(said: Said, inputs: Sequence[FileTensor]) -> dict[str, Sizes]:
    """The sizes that the user's arrays have, where the file leaves them open."""
    if said.data is None:
        return {}
    kind = _any_model() if said.task is None else task(said.task)
    open_ones = [one.name for one in inputs if one.shape is None or None in one.shape[1:]]
    found = kind.sizes(said.data, [one.name for one in inputs])
    return {name: Sizes((1, *found[name]), "") for name in open_ones if name in found}


def _tensor(dtype: str, sizes: Sequence[int]) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(sizes)}


def _any_model() -> Task:
    return next(kind for kind in map(task, task_names()) if kind.any_model)


def _draft(path: Path, model: FileModel, said: Said) -> tuple[Task, Draft]:
    asked = _asked(said.preprocess)
    if said.task is not None or said.any_inputs:
        kind = _any_model() if said.task is None else task(said.task)
        draft = kind.infer(model, asked)
        if draft is None:
            raise InputError(
                f"{path}: its tensors are not those of {kind.name}: {tensors_text(model)}",
                f"name another --task; --task {_any_model().name} takes any model",
            )
        return kind, draft
    others = [kind for kind in map(task, task_names()) if not kind.any_model]
    found = [(kind, draft) for kind in others if (draft := kind.infer(model, asked)) is not None]
    if len(found) == 1:
        return found[0]
    names = ", ".join(kind.name for kind, _ in found)
    raise InputError(
        f"{path}: {f'may be of {names}' if names else 'its tensors do not tell the task'}: "
        f"{tensors_text(model)}",
        f"say which with --task; --task {_any_model().name} --random-inputs measures it without "
        "accuracy, whatever it is",
    )


class _Settings(BaseModel):
    """Any settings; the task is what checks them."""

    model_config = ConfigDict(extra="allow")


def _asked(preprocess: str | None) -> Asked:
    if preprocess is None:
        return None
    path = Path(preprocess)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
            raise InputError(f"--preprocess {path}: not found", "check the path")
        return preprocess
    found = dict(read_yaml(path, _Settings).model_extra or {})
    for key, value in found.items():
        if isinstance(value, str) and value.startswith("file:"):
            found[key] = f"file:{(path.parent / value[5:]).absolute()}"
    return found


def _validated(entry: dict[str, Any], source: str) -> ModelEntry:
    try:
        # As strict as a manifest is read.
        return ModelEntry.model_validate_json(json.dumps(entry, default=list), strict=True)
    except ValidationError as error:
        faults = []
        for one in error.errors():
            key = ".".join(str(part) for part in one["loc"] if not str(part).startswith("<"))
            reason = one["msg"].removeprefix("Value error, ")
            shown = "" if isinstance(one["input"], dict | list) else repr(one["input"])
            faults.append(f"{key}{unexpected(reason, shown)}")
        first = "; ".join(dict.fromkeys(faults))
        raise InputError(
            f"{source}: {first}", "correct --preprocess, --shape or --task; or write a manifest"
        ) from error
