"""``loadscope accuracy``: score a run again from its files."""

import json
from pathlib import Path

import click

from loadscope.rundir.directory import RunDirectory
from loadscope.suite.cli.complete import COMPLETIONS
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.run.result import completed
from loadscope.suite.run.scoring import rescore


@click.command("accuracy")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option(
    "--dataset-path",
    shell_complete=COMPLETIONS["datasets"],
    help="Where the data set is here, or its id, for a run of another machine. "
    "Default: where the run had it.",
)
@click.option(
    "--models",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read the model's entry in this manifest instead of the recorded one; repeat.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def accuracy_command(
    run_dir: Path, dataset_path: str | None, models: tuple[Path, ...], as_json: bool
) -> None:
    """Score the accuracy log of a finished run again.

    Reads the log and the data set's labels, and rewrites accuracy.txt and result.json. The run may
    come from another machine, of either byte order.

    \b
    Example:
      loadscope accuracy runs/20261122-101500-efficientnet-lite0-onnxruntime-Offline
      loadscope accuracy from-z16/resnet50 --dataset-path ~/imagenet
    """
    run = RunDirectory.open(run_dir)
    with run.locked(), progress_bars() as progress:
        accuracy = rescore(run, progress, dataset_path, models)
        completed(run)
    if as_json:
        click.echo(json.dumps(accuracy.model_dump(mode="json"), indent=2))
        return
    unit = accuracy.unit
    value = "not meaningful" if accuracy.value is None else f"{accuracy.value:.3f} {unit}".rstrip()
    target = "" if accuracy.target is None else f", target {accuracy.target} {unit}".rstrip()
    remark = f", {accuracy.remark}" if accuracy.remark else ""
    said = f"{accuracy.metric}: {value} of {accuracy.samples} samples{target}{remark}"
    click.echo(f"{said} (unverified)")
