"""What ``run.json`` says of how a model's work is spread, and how that was found."""

from typing import Literal

from loadscope.rundir.part import Part


class ExecutionRecord(Part):
    """How the work was spread; see ``scenarios.execution``."""

    batch_size: int
    workers: int
    threads: int
    max_wait_ms: float = 0.0
    instances: int = 1
    late_after_ms: float = 0.0
    prefetch: int = 0
    token_budget: int = 0


class LayoutCandidate(Part):
    """A layout that a search looked at.

    Attributes:
        execution: The layout.
        figure: What it gave when it was last measured, in the search's unit; None where it was not.
        batch_ms: Mean time of a batch in that measurement, milliseconds.
        rounds: In how many rounds it was measured.
        note: Why it was not measured, or not again.
    """

    execution: ExecutionRecord
    figure: float | None = None
    batch_ms: float | None = None
    rounds: int = 0
    note: str = ""


class LayoutRecord(Part):
    """How the layout in effect was come by.

    Attributes:
        origin: ``searched`` before this run; ``kept`` of an earlier search or of ``tune``;
            ``file``; ``given`` by hand, or the only one; ``rule`` where nothing was searched.
        why: Why it is this one, in a sentence.
        name: Under which it is kept in the cache; empty where it is not.
        created: When it was found, ISO 8601, UTC; empty where it was not.
        seconds: How long the search took.
        unit: Of the figures: samples/s, queries/s of Server within the bound, or ms at p90.
        warnings: What disturbed the search, as of ``Noise``; empty if nothing did.
        candidates: What was looked at, the chosen one first.
    """

    origin: Literal["searched", "kept", "file", "given", "rule"]
    why: str
    name: str = ""
    created: str = ""
    seconds: float = 0.0
    unit: Literal["", "samples/s", "queries/s", "ms"] = ""
    warnings: tuple[str, ...] = ()
    candidates: tuple[LayoutCandidate, ...] = ()
