"""``make bench``: measure the suite against bare loops and write ``bench.json``."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from loadscope.errors import InputError, LoadScopeError
from loadscope.files import write_json
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import given_settings
from loadscope.suite.run.provenance import host
from loadscope.tools.bench.defaults import default_rows
from loadscope.tools.bench.harness import harness_rows
from loadscope.tools.bench.interpreter import interpreter_rows
from loadscope.tools.bench.models import MODELS, cell, model_rows
from loadscope.tools.bench.parity import MODELS as PARITY_MODELS
from loadscope.tools.bench.parity import parity_rows
from loadscope.tools.bench.preprocessing import preprocessing_rows
from loadscope.tools.bench.results import results_rows
from loadscope.tools.bench.scaling import scaling_rows
from loadscope.tools.bench.scoring import scoring_rows
from loadscope.tools.bench.startup import startup_rows
from loadscope.tools.bench.texts import MODELS as TEXT_MODELS
from loadscope.tools.bench.texts import text_rows
from loadscope.tools.bench.tokens import token_rows
from loadscope.tools.bench.trace_export import trace_export_rows
from loadscope.tools.bench.tracing import MODEL as TRACED_MODEL
from loadscope.tools.bench.tracing import tracing_rows
from loadscope.tools.bench.tracing_off import tracing_off_rows
from loadscope.tools.bench.tuning import MODELS as TUNED_MODELS
from loadscope.tools.bench.tuning import grid_rows, tuning_rows
from loadscope.tools.bench.web import web_rows

PARTS = (
    "harness", "models", "texts", "tuning", "grid", "preprocessing", "scoring", "scaling",
    "tracing", "tracing-off", "export", "defaults", "startup", "results",
    "interpreter", "parity", "web", "tokens",
)  # fmt: skip
FRAMEWORKS = ("onnxruntime", "pytorch", "tensorflow", "mxnet")


@click.command()
@click.option("--pairs", default=5, show_default=True, help="Pairs of measurements a row.")
@click.option("--seconds", default=6.0, show_default=True, help="Seconds a measurement.")
@click.option(
    "--minutes",
    default=15.0,
    show_default=True,
    help="Budget of a search, parts tuning (where that of a scenario has a quarter) and grid.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Of the parts models, texts, tuning, tracing, parity, and grid (the first); repeat for "
    "several."
    "  [default: each part's own]",
)
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    help=f"Repeat for several.  [default: {', '.join(FRAMEWORKS)}; part parity: all installed]",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    default=PARTS,
    show_default=True,
    help="What to measure; repeat for several.",
)
@click.option(
    "--questions",
    default="squad-sample",
    show_default=True,
    help="Questions of the lengths to measure texts at: a data set, or a folder of dev-v1.1.json.",
)
@click.option(
    "--inputs",
    multiple=True,
    metavar="TASK DATASET",
    type=(str, str),
    help="Part parity: where the inputs of a task's models come from, 32 of them; repeat.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the suite's backend in part texts, which is held against padding with the defaults,"
    " e.g. onednn_linear=true; repeat.",
)
@click.option(
    "--cells",
    multiple=True,
    metavar="MODEL/FRAMEWORK/CORES",
    help="Of the part defaults, patterns too, CORES being all or one, e.g. 'yolox-nano/*/one'; "
    "repeat.  [default: all of them]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep the rows of --output; part defaults goes on where it was stopped.",
)
@click.option("--output", type=click.Path(path_type=Path), default=Path("bench.json"))
def bench(
    pairs: int,
    seconds: float,
    minutes: float,
    models: tuple[str, ...],
    frameworks: tuple[str, ...],
    parts: tuple[str, ...],
    questions: str,
    inputs: tuple[tuple[str, str], ...],
    options: tuple[str, ...],
    cells: tuple[str, ...],
    resume: bool,
    output: Path,
) -> None:
    """Measure the suite beside a bare loop, in turn, and write the rows.

    Ratios carry over to other machines; the figures themselves do not. All of it takes hours;
    choose parts, models and frameworks for less.

    Example: python -m loadscope.tools.bench --part models --model resnet50-seeded
        --framework onnxruntime
    """
    rows = _rows_of(output) if resume else []
    with progress_bars() as progress:
        chosen = list(frameworks or FRAMEWORKS)
        sources: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "harness": lambda: harness_rows(pairs, seconds / 2),
            "models": lambda: model_rows(
                models or MODELS, chosen, questions, pairs, seconds, progress
            ),
            "texts": lambda: text_rows(
                models or TEXT_MODELS,
                chosen,
                questions,
                given_settings({"options": options}).get("options", {}),
                *(pairs, seconds, progress),
            ),
            "tuning": lambda: tuning_rows(
                models or TUNED_MODELS, chosen, questions, pairs, seconds, minutes, progress
            ),
            "grid": lambda: grid_rows(
                cell((models or TUNED_MODELS)[0], chosen[0], questions, progress),
                *(pairs, seconds, minutes),
            ),
            "preprocessing": lambda: preprocessing_rows(pairs),
            "scoring": lambda: scoring_rows(pairs, progress),
            "scaling": lambda: scaling_rows(pairs),
            "tracing": lambda: tracing_rows(chosen, models or (TRACED_MODEL,), progress),
            "tracing-off": lambda: tracing_off_rows(chosen, progress),
            "export": lambda: trace_export_rows(pairs),
            "defaults": lambda: default_rows(cells, rows, questions, pairs, seconds, progress),
            "startup": lambda: startup_rows(chosen, questions, pairs, progress),
            "results": lambda: results_rows(progress),
            "interpreter": lambda: interpreter_rows(pairs, seconds / 2),
            "parity": lambda: parity_rows(
                models or PARITY_MODELS, frameworks, dict(inputs), questions, progress
            ),
            "web": lambda: web_rows(questions, pairs, seconds, progress),
            "tokens": lambda: token_rows(pairs),
        }
        # All are called first, so that what one of them refuses is said before hours of another.
        for row in chain.from_iterable([sources[part]() for part in parts]):
            rows.append(row)
            click.echo(
                f"{row['framework']:12} {row['model']:18} {row['scenario']:12} {row['what']}: "
                f"{_figure(row['suite'])} / {row['bare']:.4g} {row['unit']} = "
                f"{_figure(row['ratio'])} "
                f"({row['target']}: {_verdict(row, 'MISSED')})",
                err=True,
            )
            write_rows(output, rows)
    print_rows(rows)


def write_rows(output: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows so far and the machine; after each row, so that a stop keeps what there is."""
    write_json(
        output,
        {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": host().model_dump(mode="json"),
            "load_average": os.getloadavg(),
            "rows": rows,
        },
    )


def _rows_of(output: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))["rows"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{output}: expected the bench.json of an earlier session, got {error}",
            "leave --resume out, or name another --output",
        ) from error
    return found


def _verdict(row: dict[str, Any], missed: str) -> str:
    if row["met"]:
        return "met"
    return f"{missed} by less than noise" if row.get("noise") else missed


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print them as a table."""
    table = Table("framework", "model", "scenario", "what", "suite", "bare", "ratio", "target")
    for row in rows:
        table.add_row(
            row["framework"],
            row["model"],
            row["scenario"],
            f"{row['what']} ({row['unit']})",
            _figure(row["suite"]),
            f"{row['bare']:.4g}",
            _figure(row["ratio"]),
            f"{row['target']}: {_verdict(row, 'missed')}",
        )
    Console().print(table)


if __name__ == "__main__":
    try:
        bench()
    except LoadScopeError as error:
        click.echo(f"bench: {error}", err=True)
        raise SystemExit(2 if isinstance(error, InputError) else 1) from error
