"""The marks beside each result: unverified always, rehearsal and noise with reasons."""

from collections.abc import Iterable

from loadscope.suite.run.view import RunView

UNVERIFIED = "unverified"
NOISY = "noisy"
NOT_VERIFIED = "Result not verified by MLCommons Association."
"""The sentence that MLPerf Results Messaging Guidelines, section 1, asks for."""


class Rehearsals:
    """Words for the rehearsals of one report, in which each reason is said once.

    Args:
        rehearsals: The reasons of every result, empty for one of full length.
    """

    def __init__(self, rehearsals: Iterable[tuple[str, ...]]) -> None:
        kinds = list(dict.fromkeys(reasons for reasons in rehearsals if reasons))
        shared = set(kinds[0]).intersection(*kinds[1:]) if kinds else set()
        self._common = tuple(reason for reason in kinds[0] if reason in shared) if kinds else ()
        rests = (self._rest(kind) for kind in kinds)
        self._further = list(dict.fromkeys(rest for rest in rests if rest))

    def mark(self, reasons: tuple[str, ...]) -> str:
        """The word beside a result: ``rehearsal``, ``rehearsal 2``, empty at full length."""
        if not reasons:
            return ""
        rest = self._rest(reasons)
        return f"rehearsal {self._further.index(rest) + 1}" if rest else "rehearsal"

    def notes(self) -> list[tuple[str, str]]:
        """Explain the marks: what all rehearsals have in common, then what each has beside it."""
        common = [("rehearsal", "; ".join(self._common))] if self._common else []
        return common + [
            (f"rehearsal {number}", ("also " if common else "") + "; ".join(rest))
            for number, rest in enumerate(self._further, start=1)
        ]

    def _rest(self, reasons: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(reason for reason in reasons if reason not in self._common)


class Marks:
    """Marks of the runs of one report.

    Args:
        runs: All runs of the report, in its order.
    """

    def __init__(self, runs: Iterable[RunView]) -> None:
        self._runs = list(runs)
        self._rehearsals = Rehearsals(run.rehearsal for run in self._runs)

    def of(self, run: RunView) -> tuple[str, ...]:
        """List the words beside the results of ``run``: ``unverified``, ``rehearsal 2``."""
        marks = (UNVERIFIED, self._rehearsals.mark(run.rehearsal), NOISY if run.warnings else "")
        return tuple(filter(None, marks))

    def noise(self) -> list[str]:
        """Say of each noisy run why its figures cannot be trusted."""
        return [
            f"{self._name(run)}: {'; '.join(run.warnings)}" for run in self._runs if run.warnings
        ]

    def further(self) -> list[str]:
        """Say of each run what else one must know of its results."""
        said = (f"{self._name(run)}: {note}" for run in self._runs for note in run.notes)
        return list(dict.fromkeys(said))

    def notes(self) -> list[tuple[str, str]]:
        """Explain the rehearsals."""
        return self._rehearsals.notes()

    def _name(self, run: RunView) -> str:
        several = len({one.model.id for one in self._runs}) > 1
        return " ".join((*([run.model.id] if several else []), run.framework, run.scenario))
