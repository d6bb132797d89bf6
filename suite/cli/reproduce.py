"""``loadscope reproduce``: somebody else's result, measured here as nearly as can be."""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.quantities import number
from loadscope.submission.rounds import rounds
from loadscope.suite.cli.asked import command_line, say_rehearsal
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.library.carry_out import measure, new_folder
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.report.wording import metric_text, verdict
from loadscope.suite.results.archive import extract, is_archive
from loadscope.suite.results.reproduce import Reproduction, reproduce
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.script import read_script
from loadscope.suite.run.view import RunView, load_run


@click.command(
    "reproduce",
    epilog="\b\nExample:\n  loadscope reproduce closed/Them/results/box/resnet/Offline "
    "--output theirs.yaml\n  loadscope reproduce their-runs.zip --run --dataset-path ~/imagenet",
)
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--framework", default="", help="Ours to use. Default: theirs if we have it.")
@click.option("--round", "named", type=click.Choice(rounds()), help="Round of an official tree.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reproduce.yaml"),
    show_default=True,
    help="The scenario script to write.",
)
@click.option("--run", "run_it", is_flag=True, help="Run it, and show both figures.")
@click.option("--dataset-path", help="With --run: the data.")
@click.option("--min-duration", help="With --run: shorter, as a rehearsal: 10s.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def reproduce_command(
    result: Path,
    framework: str,
    named: str | None,
    output: Path,
    run_it: bool,
    dataset_path: str | None,
    min_duration: str | None,
    as_json: bool,
) -> None:
    """Write the scenario script that comes nearest to RESULT, and say what cannot be the same.

    RESULT is a folder of an official tree (closed/SUBMITTER/results/SYSTEM/BENCHMARK/SCENARIO), or
    a run, a crate or an archive of somebody else. Hardware, framework and weights are what they
    are: two figures side by side are no verdict on either.
    """
    if (dataset_path or min_duration) and not run_it:
        raise click.UsageError("--dataset-path and --min-duration go with --run")
    with tempfile.TemporaryDirectory(prefix="loadscope-") as made:
        folder = result
        if result.is_file() and is_archive(result):
            folder = Path(made) / "result"
            extract(result, folder)
        found = reproduce(folder, framework, named or "")
    write_text(output, found.script)
    ours = _run(found, output, dataset_path, min_duration) if run_it else None
    if as_json:
        click.echo(json.dumps(_record(found, output, ours), indent=2))
        return
    click.echo(f"script: {output}")
    for one in found.cannot:
        click.echo(f"not the same: {one}")
    if ours is not None:
        _show(found, ours)


def _run(
    found: Reproduction, script: Path, dataset_path: str | None, min_duration: str | None
) -> RunView:
    given = {"dataset_path": dataset_path, "min_duration": min_duration}
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value}
    if "dataset_path" not in {**found.settings, **overrides}:
        raise InputError("--run needs the data", "add --dataset-path with a folder or an id")
    (spec,) = read_script(script, overrides)
    with progress_bars() as progress:
        resolved = resolve(spec, progress, found.catalogue)
        say_rehearsal(resolved)
        folder = new_folder(Path("runs"), resolved)
        measure(resolved, folder, command_line(), progress)
    return load_run(folder)


def _show(found: Reproduction, ours: RunView) -> None:
    table = Table("", "figure", "")
    theirs = "\N{EN DASH}" if found.value is None else f"{number(found.value)} {found.unit}"
    add_plain_row(table, "theirs", theirs, found.title)
    told = [verdict(ours).text, "rehearsal" if ours.rehearsal else "", "unverified"]
    add_plain_row(table, "ours", metric_text(ours), ", ".join(filter(None, told)))
    print_table(table)
    click.echo(f"run directory: {ours.path}")
    click.echo(NOT_VERIFIED)


def _record(found: Reproduction, output: Path, ours: RunView | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "script": str(output),
        "settings": dict(found.settings),
        "theirs": {"title": found.title, "value": found.value, "unit": found.unit},
        "cannot_be_the_same": list(found.cannot),
    }
    if ours is not None and ours.metric is not None:
        record["ours"] = {"run_dir": str(ours.path), "value": ours.metric.value,
                          "unit": ours.metric.unit, "status": verdict(ours).kind,
                          "rehearsal": list(ours.rehearsal), "unverified": True}  # fmt: skip
    return record
