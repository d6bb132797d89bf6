"""``loadscope trace``: run under LoadGen and record where the time goes."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from loadscope.datasets.task import Progress
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_fields import Group
from loadscope.suite.cli.asked import (
    command_line,
    read_specs,
    say_rehearsal,
    say_understood,
)
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import FIELDS, SpecCommand, given_settings, spec_options
from loadscope.suite.library.carry_out import SUMMARY_FILE, new_folder, trace, traced_spec
from loadscope.suite.run.process_plan import TracePlan
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.runner import refuse_stray_audit_config
from loadscope.suite.trace.export import endpoint
from loadscope.suite.worker.tracing.coverage import Rest
from loadscope.suite.worker.tracing.events import LEVELS

TRACED = tuple(
    name for name, field in FIELDS.items() if field.group is not Group.TESTS and name != "instances"
)
"""The fields that a trace has: its length follows from its batches, and it is of one process."""

_SHOWN = 10


@click.command("trace", cls=SpecCommand)
@click.argument("script", required=False, type=click.Path(path_type=Path))
@spec_options(*TRACED)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="layer",
    show_default=True,
    help="How deep; each level includes the ones before.",
)
@click.option(
    "--batches",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Batches to trace; Server's may hold fewer samples and be more.",
)
@click.option(
    "--warmup",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Traced batches before the test, which are not kept.",
)
@click.option(
    "--otlp", metavar="URL", help="Send the spans there by OTLP over HTTP, after the test."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Run directory; with a script of several runs, their parent. Default: runs/<name>.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def trace_command(
    script: Path | None,
    level: str,
    batches: int,
    warmup: int,
    otlp: str | None,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Trace a model under LoadGen: queries, batches, layers, and what tracing costs.

    A traced run is never a result. Its files are in <run directory>/trace: events.jsonl,
    summary.json, and levels.json, the same work timed without tracing and at each level.

    \b
    Example:
      loadscope trace --model efficientnet-lite0 --framework onnxruntime \\
          --scenario SingleStream --dataset-path imagenet-sample20 --batches 20
    """
    settings = given_settings(options)
    refuse_stray_audit_config(Path.cwd())
    # A bad address must not cost a test.
    endpoint(otlp)
    plan = TracePlan(level=level, batches=batches, warmup=warmup)
    specs = read_specs(script, settings)
    results = []
    with progress_bars() as progress:
        for spec in specs:
            named = output if len(specs) == 1 else None
            results.append(_trace(traced_spec(spec, level), plan, named, output, otlp, progress))
    if as_json:
        click.echo(json.dumps(results[0] if len(results) == 1 else {"runs": results}, indent=2))
        return
    console = Console()
    for result in results:
        _print(console, result)


def _trace(
    spec: RunSpec,
    plan: TracePlan,
    named: Path | None,
    parent: Path | None,
    otlp: str | None,
    progress: Progress,
) -> dict[str, Any]:
    resolved = resolve(spec, progress).tracing(plan)
    say_understood([resolved])
    say_rehearsal(resolved)
    folder = named or new_folder(parent or Path("runs"), resolved)
    trace(resolved, folder, command_line(), otlp, progress)
    summary: dict[str, Any] = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    return summary


def _print(console: Console, result: dict[str, Any]) -> None:
    for one in (result, *result.get("steps", ())):
        _print_layers(console, one)
    costs = ", ".join(f"{name} {ratio:.3f}" for name, ratio in result["overhead"].items())
    console.print(f"time with tracing ÷ without: {costs}", highlight=False)
    if result["warnings"]:
        noise = "; ".join(result["warnings"])
        console.print(f"noisy: {noise}; repeat the trace on an idle machine", highlight=False)
    for name, why in result["unavailable"].items():
        line = why if why.startswith(name) else f"{name}: {why}"
        console.print(f"not here: {line}", highlight=False, soft_wrap=True)
    if result["outside"]:
        console.print(f"left out: {result['outside']} records outside their parents")
    spans = result["spans"]
    console.print(
        f"spans: {spans['made']} made, {spans['exported']} exported, {spans['dropped']} dropped",
        highlight=False,
    )
    console.print(f"run directory: {result['run_dir']}", soft_wrap=True, highlight=False)


def _print_layers(console: Console, result: dict[str, Any]) -> None:
    """Print the layers of a predict, or of one kind of step of a generated answer."""
    layers = sorted(result["layers"], key=lambda one: -float(one["own_ns"]))
    step = f", {result['step']} of {result['samples']}" if "step" in result else ""
    a_token = bool(layers) and "per_token_ns" in layers[0]
    if layers:
        columns = ["layer", "type", "output", "time", *(["a token"] if a_token else []), "share"]
        table = Table(*columns, title=f"slowest layers{step}")
        for one in layers[:_SHOWN]:
            shape = "x".join(str(size) for size in (one["output_shapes"] or [[]])[0])
            table.add_row(
                one["name"],
                one["type"],
                shape,
                f"{one['own_ns'] / 1e6:.3f} ms",
                *([f"{one['per_token_ns'] / 1e6:.4f} ms"] if a_token else []),
                f"{one['own_share']:.1%}",
            )
        console.print(table)
    if not result["predict_ns"]:
        return
    said = f"predict{step}: {result['predict_ns'] / 1e6:.3f} ms, median of the batches"
    if result["layer_sum_ratio"] is not None:
        said += f"; its {len(layers)} layers cover {result['layer_sum_ratio']:.1%}"
    if result.get("plain"):
        said += f"; {result['plain_ns'] / 1e6:.3f} ms without tracing ({result['plain']:,})"
    console.print(said, highlight=False)
    rest = result["uncovered"]
    if rest and (text := Rest(**rest).text(result["layer_sum_ratio"])):
        console.print(f"no layer: {text}", highlight=False)
