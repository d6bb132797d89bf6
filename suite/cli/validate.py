"""``loadscope validate``: hold this host, or a run, against a golden file."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import OWN, SpecCommand, given_settings, spec_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.golden.compare import GoldenVerdict, compare
from loadscope.suite.golden.file import read_golden
from loadscope.suite.golden.observation import observe, prepare_observation
from loadscope.suite.golden.run import compare_run
from loadscope.suite.golden.thresholds import THRESHOLDS, threshold

_FAILED = 1


@click.command("validate", cls=SpecCommand)
@click.argument("run_dir", required=False, type=click.Path(path_type=Path))
@click.option(
    "--golden", required=True, type=click.Path(path_type=Path), help="From 'loadscope golden'."
)
@spec_options(
    "model",
    "framework",
    "dataset_path",
    "datasets",
    "models",
    *OWN,
    single=("model", "framework"),
)
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    help=f"What this host computes in: {', '.join(THRESHOLDS)}.",
)
@click.option("--max-rel-diff", type=float, help="Instead of the data type's threshold.")
@click.option("--min-top1", type=float, help="Likewise: least share of equal answers, 0 to 1.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def validate_command(
    context: click.Context,
    /,
    run_dir: Path | None,
    golden: Path,
    dtype: str,
    max_rel_diff: float | None,
    min_top1: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Hold this host against a golden file: same inputs, weights, layers, outputs?

    Reads a run's accuracy log, or runs --model here on the golden file's samples, on the golden
    file's framework where --framework names none. Ends with
    status 1 where a threshold does not hold, and says whether byte order, preprocessing,
    weights or reduced precision is the cause.

    \b
    Example:
      loadscope validate --model efficientnet-lite0 --framework onnxruntime \\
          --dataset-path imagenet-sample20 --golden efficientnet.npz
      loadscope validate runs/20261122-101500-efficientnet-lite0-onnxruntime-Offline \\
          --golden efficientnet.npz
    """
    allowed = threshold(dtype, max_rel_diff, min_top1)
    asked = given_settings(options)
    model = asked.get("model")
    if (run_dir is None) == (model is None):
        raise InputError(
            "expected either a run directory or --model, got "
            + ("neither" if model is None else "both"),
            "loadscope validate RUN_DIR --golden FILE, or --model M --framework F --dataset-path P",
        )
    trusted = read_golden(golden)
    if run_dir is not None:
        if asked:
            given = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
            raise InputError(
                f"{given}: not allowed with a run directory",
                "leave them out: it has its own",
            )
        verdict = compare_run(RunDirectory.open(run_dir), trusted, allowed)
    else:
        settings = {"framework": trusted.meta["framework"], **asked}
        with progress_bars() as progress:
            prepared = prepare_observation({**settings, "count": len(trusted.samples)}, progress)
            verdict = compare(observe(prepared, progress, trusted=False), trusted, allowed)
    if as_json:
        click.echo(json.dumps(verdict.as_dict(), indent=2))
    else:
        _show(verdict, dtype)
    if not verdict.passed:
        context.exit(_FAILED)


def _show(verdict: GoldenVerdict, dtype: str) -> None:
    table = Table("check", "found")
    rows = {
        "verdict": f"{'passed' if verdict.passed else 'failed'} as {dtype}",
        "samples": str(verdict.samples),
        "largest difference": _number(verdict.max_abs_diff),
        "of the output's magnitude": _number(verdict.max_rel_diff),
        "same first answer": f"{verdict.top1_agreement:.2%}",
        "metric, points": _number(verdict.metric_delta),
        "first divergent layer": verdict.first_divergent_layer
        or f"none: {verdict.first_divergent_layer_reason}",
        "cause": f"{verdict.cause or 'none known'}: {verdict.cause_detail}"
        if not verdict.passed
        else "",
    }
    for name, value in rows.items():
        if value:
            add_plain_row(table, name, value)
    print_table(table)


def _number(value: float | None) -> str:
    return "not told by these files" if value is None else f"{value:.3g}"
