"""How much of a predict its layers explain, and where the rest is."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

from loadscope.suite.worker.tracing.events import Event

_LEAST = 0.005
"""Shares of a predict below this are not worth a word."""


@dataclass(frozen=True)
class Rest:
    """What of a predict no layer covers; nanoseconds.

    Attributes:
        around_ns: Before and after the framework's own call.
        before_ns: From the call to the first layer: inputs are checked and handed over.
        between_ns: In the gaps from the first layer to the end of the last.
        after_ns: From the last layer to the return: results are handed over, and told of.
        gaps: How many layers but the first there are.
    """

    around_ns: float
    before_ns: float
    between_ns: float
    after_ns: float
    gaps: float

    def text(self, coverage: float) -> str:
        """Say where the rest is, as shares of a predict; empty if there is hardly any.

        Args:
            coverage: What the layers cover, a share of a predict; with the shares said it adds
                up to all of it.
        """
        parts = [
            (self.before_ns, "before the first layer"),
            (self.between_ns, f"between layers ({self._gap():.1f} µs each)"),
            (self.after_ns, "after the last"),
            (self.around_ns, "around the framework's call"),
        ]
        whole = sum(part for part, _ in parts) or 1
        shares = [((1 - coverage) * part / whole, where) for part, where in parts]
        return ", ".join(f"{100 * share:.1f} % {where}" for share, where in shares
                         if share >= _LEAST)  # fmt: skip

    def _gap(self) -> float:
        return self.between_ns / self.gaps / 1000 if self.gaps else 0.0


def rest_of(predict: Event, session: Event, layers: Sequence[Event]) -> Rest:
    """Find what is left of a predict.

    Args:
        predict: The predict.
        session: The framework's call in it.
        layers: Those right below the session, at least one.
    """
    first = min(layer.start_ns for layer in layers)
    last = max(layer.end_ns for layer in layers)
    return Rest(
        around_ns=predict.duration_ns - session.duration_ns,
        before_ns=first - session.start_ns,
        between_ns=sum(_gaps(layers)),
        after_ns=session.end_ns - last,
        gaps=len(layers) - 1,
    )


def median_rest(found: Sequence[Rest]) -> Rest | None:
    """The median of each part over several predicts; None without any."""
    return Rest(*map(statistics.median, zip(*map(astuple, found), strict=True))) if found else None


def _gaps(layers: Sequence[Event]) -> Iterator[int]:
    """Stretches in which no layer ran; layers of several threads may overlap."""
    end: int | None = None
    for layer in sorted(layers, key=lambda one: one.start_ns):
        if end is not None and layer.start_ns > end:
            yield layer.start_ns - end
        end = max(end or 0, layer.end_ns)
