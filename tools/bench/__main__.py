"""``make bench``: measure the suite against bare loops and write ``bench.json``."""

import os
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from loadscope.errors import LoadScopeError
from loadscope.files import write_json
from loadscope.suite.progress import progress_bars
from loadscope.suite.provenance import host
from loadscope.tools.bench.harness import harness_rows
from loadscope.tools.bench.models import model_rows
from loadscope.tools.bench.scoring import scoring_rows
from loadscope.tools.bench.texts import text_rows
from loadscope.tools.bench.trace_export import trace_export_rows
from loadscope.tools.bench.tracing import tracing_rows

MODELS = ("efficientnet-lite0", "resnet50-seeded", "yolox-nano", "minilm-squad")
FRAMEWORKS = ("onnxruntime", "pytorch", "tensorflow", "mxnet")


@click.command()
@click.option("--pairs", default=5, show_default=True, help="Pairs of measurements a row.")
@click.option("--seconds", default=6.0, show_default=True, help="Seconds a measurement.")
@click.option("--model", "models", multiple=True, default=MODELS, show_default=True)
@click.option("--framework", "frameworks", multiple=True, default=FRAMEWORKS, show_default=True)
@click.option("--harness/--no-harness", default=True, help="Measure the harness alone too.")
@click.option("--traces/--no-traces", default=True, help="Measure the export of traces too.")
@click.option("--scoring/--no-scoring", default=True, help="Measure scoring too.")
@click.option(
    "--questions",
    default="squad-sample",
    show_default=True,
    help="Questions of the lengths to measure texts at: a data set, or a folder of dev-v1.1.json.",
)
@click.option("--texts/--no-texts", default=True, help="Measure question answering too.")
@click.option("--tracing/--no-tracing", default=True, help="Measure what tracing costs too.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("bench.json"))
def bench(
    pairs: int,
    seconds: float,
    models: tuple[str, ...],
    frameworks: tuple[str, ...],
    harness: bool,
    traces: bool,
    scoring: bool,
    questions: str,
    texts: bool,
    tracing: bool,
    output: Path,
) -> None:
    """Measure the suite beside a bare loop, in turn, and write the rows.

    Ratios carry over to other machines; the figures themselves do not. All rows take some two
    hours; choose models and frameworks for fewer.

    Example: python -m loadscope.tools.bench --model resnet50-seeded --framework onnxruntime
    """
    rows: list[dict[str, Any]] = []
    with progress_bars() as progress:
        sources = chain(
            harness_rows(pairs, seconds / 2) if harness else (),
            trace_export_rows(pairs) if traces else (),
            model_rows(list(models), list(frameworks), pairs, seconds, progress),
            text_rows(questions, list(frameworks), pairs, seconds, progress) if texts else (),
            scoring_rows(pairs, progress) if scoring else (),
            tracing_rows(progress) if tracing else (),
        )
        for row in sources:
            rows.append(row)
            click.echo(
                f"{row['framework']:12} {row['model']:18} {row['scenario']:12} {row['what']}: "
                f"{row['suite']:.4g} / {row['bare']:.4g} {row['unit']} = {row['ratio']:.3f} "
                f"({row['target']}: {'met' if row['met'] else 'MISSED'})",
                err=True,
            )
            # After every row, so that an interrupted session keeps what it has.
            write_json(
                output,
                {
                    "created": datetime.now(UTC).isoformat(timespec="seconds"),
                    "host": host(),
                    "load_average": os.getloadavg(),
                    "rows": rows,
                },
            )
    _print(rows)


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table("framework", "model", "scenario", "what", "suite", "bare", "ratio", "target")
    for row in rows:
        table.add_row(
            row["framework"],
            row["model"],
            row["scenario"],
            f"{row['what']} ({row['unit']})",
            f"{row['suite']:.4g}",
            f"{row['bare']:.4g}",
            f"{row['ratio']:.3f}",
            f"{row['target']}: {'met' if row['met'] else 'missed'}",
        )
    Console().print(table)


if __name__ == "__main__":
    try:
        bench()
    except LoadScopeError as error:
        raise SystemExit(f"bench: {error}") from error
