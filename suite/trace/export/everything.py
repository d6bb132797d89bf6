"""All exports of one run, and the account of what each of them took."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.files import write_json
from loadscope.suite.trace.export.identity import Identity, resource_attributes
from loadscope.suite.trace.export.layer_table import write_csv, write_parquet
from loadscope.suite.trace.export.otlp_http import endpoint, send_spans, shown
from loadscope.suite.trace.export.otlp_json import write_otlp_json
from loadscope.suite.trace.export.perfetto import write_perfetto
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, read_events

EXPORT_FILE = Path("trace") / "export.json"
"""What ``export_all`` returned last, below the run directory."""

OTLP_FILE, PERFETTO_FILE, CSV_FILE, PARQUET_FILE = (
    "otlp.jsonl", "perfetto.json", "layers.csv", "layers.parquet",
)  # fmt: skip
_INSTALL = "Parquet needs: pip install 'loadscope[trace]'"


@dataclass(frozen=True)
class ExportOutcome:
    """What one target took.

    Attributes:
        target: A file below ``trace/``, or the address of a backend.
        unit: ``spans``, or ``layers`` for the tables.
        exported: How many arrived.
        dropped: How many did not.
        problem: Why not, one line; None when nothing went wrong.
    """

    target: str
    unit: str
    exported: int
    dropped: int
    problem: str | None = None


def export_all(run_dir: Path, otlp: str | None, progress: Progress) -> dict[str, Any]:
    """Export the trace of ``run_dir`` to its files and, where one is asked for, to a backend.

    Files are replaced by rename, ids are the same each time. What a target refuses (a full disk,
    a backend that is down or slow) is counted and given a reason; the others go on.

    Args:
        run_dir: A run with ``trace/events.jsonl``.
        otlp: Address of an OTLP/HTTP backend; None takes that of the environment, or none (see
            ``endpoint``).
        progress: Told of each target.

    Returns:
        ``{made, exported, dropped, targets}``: spans made; those that the backend took, or the
        OTLP file when no backend was asked for; the rest; and an ``ExportOutcome`` a target as a
        dict. It is written to ``trace/export.json`` too.

    Raises:
        InputError: There is no trace, it is broken, or ``endpoint`` refuses the address.
    """
    address = endpoint(otlp)
    source = run_dir / EVENTS_FILE
    header, first = read_events(source)
    made, layers = _counts(first)
    identity, resource = Identity.of(run_dir), resource_attributes(run_dir, header)

    def events() -> Iterator[Event]:
        return read_events(source)[1]

    folder = source.parent
    files: tuple[tuple[str, str, int, Callable[[Path], int]], ...] = (
        (OTLP_FILE, "spans", made, lambda to: write_otlp_json(to, resource, identity, events())),
        (PERFETTO_FILE, "spans", made, lambda to: write_perfetto(to, header, events)),
        (CSV_FILE, "layers", layers, lambda to: write_csv(to, events)),
        (PARQUET_FILE, "layers", layers, lambda to: write_parquet(to, events)),
    )
    outcomes = []
    total = len(files) + (address is not None)
    for place, (name, unit, count, write) in enumerate(files):
        progress("exporting the trace", place, total)
        outcomes.append(_written(folder / name, unit, count, write))
    if address is not None:
        progress(f"sending {made:,} spans to {shown(address)}", 0, 0)
        sent = send_spans(address, resource, identity, events())
        outcomes.append(
            ExportOutcome(
                shown(address), "spans", sent.accepted, made - sent.accepted, sent.problem
            )
        )
    progress("exporting the trace", total, total)
    decisive = outcomes[-1] if address is not None else outcomes[0]
    account = {
        "made": made,
        "exported": decisive.exported,
        "dropped": decisive.dropped,
        "targets": [asdict(one) for one in outcomes],
    }
    with suppress(WorkError):
        # On a full disk the account is still given back.
        write_json(run_dir / EXPORT_FILE, account)
    return account


def _counts(events: Iterator[Event]) -> tuple[int, int]:
    made = layers = 0
    for event in events:
        made += 1
        layers += event.kind == "layer"
    return made, layers


def _written(path: Path, unit: str, count: int, write: Callable[[Path], int]) -> ExportOutcome:
    try:
        return ExportOutcome(path.name, unit, write(path), 0)
    except WorkError as error:
        return ExportOutcome(path.name, unit, 0, count, error.message)
    except ImportError as error:
        return ExportOutcome(path.name, unit, 0, count, f"{error}; {_INSTALL}")
