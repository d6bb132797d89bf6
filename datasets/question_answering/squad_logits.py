"""From a question-answering model's outputs to the payload that LoadGen is handed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

F1 = ScoreMetric("f1")
"""F1 of the official SQuAD v1.1 evaluation."""

PADDING = -10_000.0
"""What the official accuracy script puts at positions without a score."""

_FIX = "correct outputs or postprocess in the model's manifest"


@dataclass(frozen=True)
class SpanSpec:
    """Where a model's start and end scores are.

    Attributes:
        kind: ``spans``.
        outputs: One output of shape ``(batch, length, 2)``, start before end; or two of shape
            ``(batch, length)``, the starts and the ends.
    """

    kind: Literal["spans"]
    outputs: tuple[str, ...]

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.kind != "spans":
            raise ValueError(f"kind is '{self.kind}', not 'spans'")
        if len(self.outputs) not in (1, 2) or not all(self.outputs):
            raise ValueError("outputs names one tensor, or one for starts and one for ends")


def postprocess(spec: SpanSpec) -> Postprocess:
    """Make the function that turns outputs into payloads.

    The payload is a C-contiguous ``(batch, 768)`` array of ``<f4``: start and end score of each
    of 384 positions in turn, the form that the official SQuAD accuracy script reads. Positions
    behind the batch's longest sample have a score that no model gives.

    The returned function raises:
        WorkError: An output is missing, has another shape, or holds NaN.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        found = [_output(outputs, name) for name in spec.outputs]
        wanted = 3 if len(found) == 1 else 2
        shape = found[0].shape
        if (
            any(part.shape != shape or part.ndim != wanted for part in found)
            or shape[0] != len(indices)
            or shape[1] > LONGEST_WINDOW
            or shape[2:] not in ((), (2,))
        ):
            shapes = " and ".join(str(part.shape) for part in found)
            raise WorkError(
                f"the outputs {', '.join(spec.outputs)} have the shape {shapes} for "
                f"{len(indices)} samples of at most {LONGEST_WINDOW} positions",
                _FIX,
            )
        payload = np.full((len(indices), LONGEST_WINDOW, 2), PADDING, "<f4")
        if wanted == 3:
            payload[:, : shape[1]] = found[0]
        else:
            payload[:, : shape[1], 0], payload[:, : shape[1], 1] = found
        if np.isnan(payload).any():
            bad = int(np.isnan(payload).any(axis=(1, 2)).argmax())
            raise WorkError(
                f"the model's output is NaN for sample {indices[bad]}",
                "check the model's weights and its preprocessing",
            )
        return payload.reshape(len(indices), -1)

    return payloads


def _output(outputs: Tensors, name: str) -> NDArray[Any]:
    try:
        return outputs[name]
    except KeyError:
        raise WorkError(
            f"the model has no output '{name}'",
            f"it has: {', '.join(outputs) or 'none'}; {_FIX}",
        ) from None
