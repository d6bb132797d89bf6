"""``loadscope quantize``: int8 by a framework's own tool."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.names import Mode, Scenario
from loadscope.paths import cache_root
from loadscope.rundir.result import AccuracyRecord
from loadscope.rundir.spec import make_spec
from loadscope.suite.cli.asked import COMMAND_LINE, command_line
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.cli.tables import add_plain_row, wide_console
from loadscope.suite.library.carry_out import measure, new_folder
from loadscope.suite.quantize.calibration import USUAL, shared_samples
from loadscope.suite.quantize.make import NUMERICS, QuantizedModel, quantize_model
from loadscope.suite.run.resolve import resolve


@click.command("quantize", cls=SpecCommand)
@click.argument("model")
@spec_options(
    "framework",
    "dataset_path",
    "datasets",
    "models",
    "task",
    "preprocess",
    "shape",
    single=("framework",),
    required=("framework",),
)
@click.option(
    "--calibration", required=True, metavar="DATASET", help="What to calibrate on: id or folder."
)
@click.option(
    "--count",
    type=click.IntRange(1),
    help=f"Calibration samples, spread over the data set.  [default: {USUAL}, or all of fewer]",
)
@click.option(
    "--calibration-list",
    "names",
    type=click.Path(path_type=Path),
    help="A file of the samples to take, a name a line, such as MLPerf's calibration lists.",
)
@click.option(
    "--samples", type=click.IntRange(1), help="Samples of --dataset-path to score.  [default: all]"
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="The manifest.  [default: ./<id>.yaml]"
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the run directories of both accuracy tests go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def quantize_command(
    model: str,
    calibration: str,
    count: int | None,
    names: Path | None,
    samples: int | None,
    output: Path | None,
    runs: Path,
    as_json: bool,
    **given: Any,
) -> None:
    """Quantise a model to int8 by its framework's own tool, and score it before and after.

    The artifact goes into the cache, and a manifest of it into --output, which --models takes.
    With --dataset-path both models are scored, each by an accuracy test of LoadGen.

    \b
    Example:
      loadscope quantize efficientnet-lite0 --framework onnxruntime \\
          --calibration ~/imagenet --count 100 --dataset-path ~/imagenet-v2
      loadscope run --models efficientnet-lite0-int8-onnxruntime.yaml \\
          --model efficientnet-lite0-int8-onnxruntime --framework onnxruntime \\
          --scenario Offline --dataset-path ~/imagenet-v2
    """
    settings = given_settings(given)
    tested = settings.pop("dataset_path", None)
    common = {**settings, "model": model, "scenario": Scenario.OFFLINE, "mode": (Mode.ACCURACY,)}
    asked = make_spec({**common, "dataset_path": calibration, "count": count}, COMMAND_LINE)
    with progress_bars() as progress:
        before = None
        if tested is not None:
            # Before minutes of work, that it can be scored at all.
            test = make_spec({**common, "dataset_path": tested, "count": samples}, COMMAND_LINE)
            before = resolve(test, progress)
        made = quantize_model(asked, names, progress)
        manifest = _write(output or Path(f"{made.id}.yaml"), made)
        scores: tuple[AccuracyRecord | None, ...] = ()
        shared = None
        if before is not None:
            shared = shared_samples(made.quantized, before.dataset, made.task, cache_root())
            models = (*asked.models, manifest)
            after = resolve(test.model_copy(update={"model": made.id, "models": models}), progress)
            scores = tuple(
                measure(one, new_folder(runs, one), command_line(), progress).result.accuracy
                for one in (before, after)
            )
    _report(made, manifest, scores, shared, as_json)


def _write(path: Path, made: QuantizedModel) -> Path:
    """Write the manifest; one that is there is written over where it is of the same model alone."""
    text = f"# Made by: {command_line()}\n{made.text}"
    if path.exists() and f"\n  {made.id}:\n" not in path.read_text(encoding="utf-8"):
        raise InputError(f"{path} is there and is another file", "choose another --output")
    write_text(path, text)
    return path


def _report(
    made: QuantizedModel,
    manifest: Path,
    scores: tuple[AccuracyRecord | None, ...],
    shared: int | None,
    as_json: bool,
) -> None:
    before, after = scores or (None, None)
    quantized = made.quantized
    if as_json:
        told = {
            "model": made.id,
            "origin": made.origin_id,
            "framework": made.framework,
            "manifest": str(manifest.resolve()),
            "path": str(made.path),
            "bytes": {"before": made.origin_bytes, "after": made.bytes},
            "quantized": quantized.model_dump(mode="json"),
            "accuracy": {
                name: score and score.model_dump(mode="json")
                for name, score in (("before", before), ("after", after))
            },
            "shared_samples": shared,
        }
        click.echo(json.dumps(told, indent=2))
    else:
        table = Table("model", "numbers", "accuracy", "samples", "size")
        for name, numbers, score, size in (
            (made.origin_id, "float32", before, made.origin_bytes),
            (made.id, NUMERICS, after, made.bytes),
        ):
            add_plain_row(
                table,
                name,
                numbers,
                _score(score),
                str(score.samples) if score else "",
                f"{size / 1e6:.1f} MB",
            )
        wide_console().print(table)
        if change := _change(before, after):
            click.echo(change)
        click.echo(
            f"by {quantized.tool}, calibrated on {quantized.count} samples of {quantized.dataset}"
        )
        click.echo(f"loadscope run --models {manifest} --model {made.id} ...")
    for line in _remarks(before, shared):
        click.echo(f"note: {line}", err=True)


def _score(score: AccuracyRecord | None) -> str:
    if score is None or score.value is None:
        return "-"
    return f"{score.value:.2f} {score.unit} {score.metric}"


def _change(before: AccuracyRecord | None, after: AccuracyRecord | None) -> str:
    if before is None or after is None or before.value is None or after.value is None:
        return ""
    change = after.value - before.value
    return f"change: {change:+.2f} {'points' if before.unit == '%' else before.unit}"


def _remarks(before: AccuracyRecord | None, shared: int | None) -> Iterator[str]:
    if before is None:
        yield "accuracy was not measured: add --dataset-path"
    elif before.value is None:
        yield "the weights were never trained, so a score would mean nothing"
    elif shared is None:
        yield "whether samples were calibrated on and scored cannot be told here"
    if shared:
        yield (
            f"{shared} of the {before.samples if before else 0} scored samples were calibrated on, "
            "so the second score may be too good; give another --calibration"
        )
