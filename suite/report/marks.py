"""The marks beside each result: unverified always, rehearsal and noise with reasons."""

from collections.abc import Iterable

from loadscope.suite.report.runview import RunView

UNVERIFIED = "unverified"
NOISY = "noisy"
NOT_VERIFIED = "Result not verified by MLCommons Association."
"""The sentence that MLPerf Results Messaging Guidelines, section 1, asks for."""


class Marks:
    """Marks of the runs of one report, with each reason for a rehearsal said once.

    Args:
        runs: All runs of the report, in its order.
    """

    def __init__(self, runs: Iterable[RunView]) -> None:
        runs = self._runs = list(runs)
        kinds = list(dict.fromkeys(run.rehearsal for run in runs if run.rehearsal))
        shared = set(kinds[0]).intersection(*kinds[1:]) if kinds else set()
        self._common = tuple(reason for reason in kinds[0] if reason in shared) if kinds else ()
        rests = (self._rest(kind) for kind in kinds)
        self._further = list(dict.fromkeys(rest for rest in rests if rest))

    def of(self, run: RunView) -> tuple[str, ...]:
        """List the words beside the results of ``run``: ``unverified``, ``rehearsal 2``."""
        marks = [UNVERIFIED]
        if run.rehearsal:
            rest = self._rest(run.rehearsal)
            number = f" {self._further.index(rest) + 1}" if rest else ""
            marks.append(f"rehearsal{number}")
        if run.warnings:
            marks.append(NOISY)
        return tuple(marks)

    def noise(self) -> list[str]:
        """Say of each noisy run why its figures cannot be trusted."""
        return [
            f"{run.framework} {run.scenario}: {'; '.join(run.warnings)}"
            for run in self._runs
            if run.warnings
        ]

    def further(self) -> list[str]:
        """Say of each run what else one must know of its results."""
        return [
            f"{run.framework} {run.scenario}: {note}" for run in self._runs for note in run.notes
        ]

    def notes(self) -> list[tuple[str, str]]:
        """Explain the marks: what all rehearsals have in common, then what each has beside it."""
        common = [("rehearsal", "; ".join(self._common))] if self._common else []
        return common + [
            (f"rehearsal {number}", ("also " if common else "") + "; ".join(rest))
            for number, rest in enumerate(self._further, start=1)
        ]

    def _rest(self, reasons: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(reason for reason in reasons if reason not in self._common)
