"""How a model without a manifest was understood, for people."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.declared import Draft, FileModel
from loadscope.datasets.registry import task
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.tensors import ANY_SIZE


def understood_lines(
    what: str, entry: ModelEntry, framework: str, draft: Draft, left_out: Sequence[str]
) -> Iterator[str]:
    """What a model was understood as, and what was assumed, a line each.

    Args:
        what: The file or model, and what reads it.
        entry: The entry that was made.
        framework: The framework.
        draft: What the task made of the tensors.
        left_out: Outputs that cannot be answers.
    """
    artifact = entry.artifact_for(framework).entry
    classes = entry.classes_for(framework)
    told = classes and task(entry.task).metrics
    kind = f"{entry.task} of {classes} classes" if told else entry.task
    batch = artifact.max_batch or "N"
    sides = (artifact.inputs, artifact.outputs)
    taken, given = (
        ", ".join(
            f"{name} {one.dtype} {[batch, *('?' if n == ANY_SIZE else n for n in one.shape)]}"
            for name, one in side.items()
        ).replace("'", "")
        for side in sides
    )
    layout = f" {artifact.layout}" if artifact.layout else ""
    yield f"{what}: {kind}; {taken}{layout} -> {given}"
    assumed = [*draft.assumed, "no benchmark of MLPerf: LoadGen's general settings"]
    if left_out:
        assumed.append(f"left out, without a batch axis: {', '.join(left_out)}")
    yield f"assumed: {'; '.join(assumed)}"


def to_say_otherwise(path: Path) -> str:
    """How the user says what was assumed otherwise."""
    return (
        "to say otherwise: --task, --preprocess, --labels, --shape; or 'loadscope models draft "
        f"{path.name} > my.yaml', edit, and --models my.yaml"
    )


def tensors_text(model: FileModel) -> str:
    """A model's tensors in a line."""

    def side(tensors: Sequence[Any]) -> str:
        return ", ".join(
            f"{one.name} {one.dtype} "
            f"[{', '.join(['N', *('?' if n == ANY_SIZE else str(n) for n in one.shape)])}]"
            for one in tensors
        )

    return f"{side(model.inputs)} -> {side(model.outputs)}"
