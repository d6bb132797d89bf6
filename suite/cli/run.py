"""``loadscope run``: measure, score, and leave a run directory."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.names import Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RateProbe
from loadscope.rundir.spec import RunSpec
from loadscope.suite.cli.asked import (
    command_line,
    read_specs,
    say_rehearsal,
    say_understood,
)
from loadscope.suite.cli.failure import Interrupted, finish, gone_on_with
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.library.carry_out import measure, measured_spec, new_folder
from loadscope.suite.library.repeating import recorded_spec, repeat_run, require_no_trace
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.report import load_run, results_table
from loadscope.suite.run.compliance import compliance_failure, compliance_lines
from loadscope.suite.run.layout import layout_line
from loadscope.suite.run.resolve import ResolvedRun, resolve, source_of
from loadscope.suite.run.result import CompletedRun
from loadscope.suite.run.runner import (
    refuse_stray_audit_config,
    resume,
)
from loadscope.suite.tune.rate_search import FOLDER, RateSearch, search_and_run
from loadscope.units import human


@click.command("run", cls=SpecCommand)
@click.argument("script", required=False, type=click.Path(path_type=Path))
@spec_options()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Run directory; with a script of several runs, their parent. Default: runs/<name>.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Repeat the run recorded in this run directory, with its user.conf.",
)
@click.option(
    "--resume",
    "unfinished",
    type=click.Path(path_type=Path),
    help="Carry out what is unfinished in this run directory; --mode adds tests to it.",
)
@click.option(
    "--script",
    "named_script",
    type=click.Path(path_type=Path),
    help="The script, for a tool that must name what it gives, as MLCube.",
)
@click.option(
    "--find-rate",
    is_flag=True,
    help="Server: find the highest rate that LoadGen calls VALID, then run at it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def run_command(
    context: click.Context,
    /,
    script: Path | None,
    output: Path | None,
    source: Path | None,
    unfinished: Path | None,
    named_script: Path | None,
    find_rate: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a model under LoadGen, each test in a fresh process.

    Settings come from the options, from a scenario script, or from both (options win).
    Full length is the default: ten minutes and the round's number of queries. Anything
    shorter is reported as a rehearsal. A script is a file, or one that comes with LoadScope:
    'loadscope run scenarios:' lists them.

    \b
    Example:
      loadscope run --model efficientnet-lite0 --framework onnxruntime \\
          --scenario Offline --mode performance --mode accuracy \\
          --dataset-path ~/imagenet --min-duration 10s
      loadscope run scenarios:x86-64-cpu/resnet50 --dataset-path ~/imagenet
      loadscope run --model resnet50-seeded --framework pytorch --scenario Offline \\
          --dataset-path ~/imagenet --option compile=true --option dtype=bfloat16
      loadscope run --resume runs/20261122-101500-resnet50-onnxruntime-Offline --mode compliance
    """
    settings = given_settings(given)
    if script and named_script:
        raise InputError("the script is given twice", "leave --script out")
    script = script or named_script
    added = settings.pop("mode", ()) if unfinished else ()
    if (source or unfinished) and (
        settings or script or find_rate or (unfinished and (output or source))
    ):
        raise InputError(
            "--from and --resume take their settings from the run directory",
            "leave the other options out (--output may stand beside --from, --mode beside "
            "--resume)",
        )
    refuse_stray_audit_config(Path.cwd())
    failure: LoadScopeError | None = None
    with progress_bars() as progress:
        if unfinished is not None:
            results, several = [_resume(unfinished, added, progress)], False
        elif source is not None:
            results, several = [_repeat(source, output, progress)], False
        else:
            specs = read_specs(script, settings)
            results, failure = _run_all(specs, output, find_rate, progress)
            several = len(specs) > 1
    failure = failure or compliance_failure(results)
    if as_json:
        told = [one.to_json() for one in results]
        finish({"runs": told} if several else told[0], failure, context)
        return
    if results:
        _show(results)
    if failure is not None:
        raise failure


def _show(results: list[CompletedRun]) -> None:
    console = Console()
    console.print(results_table([load_run(one.path) for one in results]))
    folders = [one.path.resolve() for one in results]
    where = (
        f"run directory: {folders[0]}"
        if len(folders) == 1
        else f"run directories: {len(folders)} in {folders[0].parent}"
    )
    console.print(where, soft_wrap=True, highlight=False)
    if len(results) == 1 and (layout := layout_line(RunDirectory(results[0].path).read())):
        console.print(layout, soft_wrap=True, highlight=False, markup=False)
    for one in results:
        for line in compliance_lines(one.result.compliance):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


def _run_all(
    specs: list[RunSpec], output: Path | None, find_rate: bool, progress: Progress
) -> tuple[list[CompletedRun], LoadScopeError | None]:
    """Run one spec after the other; of several, one that fails does not end the others."""
    specs = list(map(measured_spec, specs))
    results: list[CompletedRun] = []
    failure: LoadScopeError | None = None

    def failed(spec: RunSpec, error: LoadScopeError) -> LoadScopeError:
        if len(specs) == 1:
            raise error
        click.echo(f"loadscope: {spec.framework} {spec.scenario}: {error}", err=True)
        return error

    # What is wrong with one of them is said before the first one runs.
    ready: list[ResolvedRun] = []
    for spec in specs:
        try:
            if output is not None and len(specs) == 1:
                # Before data are resolved, which can take minutes.
                RunDirectory(output).require_new()
            ready.append(resolve(spec, progress))
        except WorkError as error:
            failure = failed(spec, error)
    say_understood(ready)
    for number, resolved in enumerate(ready, start=1):
        spec = resolved.spec
        if resolved.dataset.unscored:
            why = source_of(resolved.dataset)
            click.echo(f"{why}: performance alone, no score", err=True)
        say_rehearsal(resolved)
        searched = find_rate and (spec.scenario is Scenario.SERVER or len(specs) == 1)
        named = output if len(specs) == 1 else None
        folder = named or new_folder(output or Path("runs"), resolved)
        try:
            with _resumable(folder):
                results.append(
                    measure(resolved, folder, command_line(), progress, searched, _say_probe)
                )
        except LoadScopeError as error:
            failure = failed(spec, error)
        except KeyboardInterrupt as error:
            later = ", ".join(f"{one.spec.framework} {one.spec.scenario}" for one in ready[number:])
            command = error.command if isinstance(error, Interrupted) else ""
            raise Interrupted(command, later) from error
    return results, failure


def _resumable(folder: Path) -> AbstractContextManager[None]:
    signs = ("run.json", f"{FOLDER}/search.json")
    return gone_on_with("loadscope run --resume", folder, *signs)


def _say_probe(probe: RateProbe) -> None:
    p99 = "" if probe.p99_ms is None else f", p99 {human(probe.p99_ms)}"
    why = "; ".join([*probe.reasons, *probe.noise])
    verdict = "VALID" if probe.valid else f"INVALID ({why})"
    click.echo(f"{probe.folder}: {probe.rate:g} queries/s {verdict}{p99}", err=True)


def _resume(folder: Path, added: tuple[str, ...], progress: Progress) -> CompletedRun:
    with _resumable(folder):
        return _go_on(folder, added, progress)


def _go_on(folder: Path, added: tuple[str, ...], progress: Progress) -> CompletedRun:
    if (folder / FOLDER / "search.json").exists() and not (folder / "run.json").exists():
        search = RateSearch.open(folder / FOLDER, progress, _say_probe)
        return search_and_run(search, RunDirectory(folder))
    run = RunDirectory.open(folder)
    require_no_trace(run)
    resolved = resolve(recorded_spec(run, added), progress, Catalogue.of_run(run.read()))
    say_rehearsal(resolved)
    return resume(run, resolved, progress)


def _repeat(source: Path, output: Path | None, progress: Progress) -> CompletedRun:
    folder, measure_again = repeat_run(source, output, command_line(), progress, say_rehearsal)
    with _resumable(folder):
        return measure_again()
