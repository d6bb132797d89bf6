"""``loadscope run``: measure, score, and leave a run directory."""

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from loadscope.datasets.protocol import Progress
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.prepare import prepare
from loadscope.suite.progress import progress_bars
from loadscope.suite.report import load_run, results_table
from loadscope.suite.rundir import RunDirectory
from loadscope.suite.runner import (
    new_run,
    refuse_stray_audit_config,
    require_same_inputs,
    resume,
)
from loadscope.suite.script import read_script
from loadscope.suite.spec import RecordedSpec, RunSpec, make_spec


@click.command("run")
@click.argument("script", required=False, type=click.Path(path_type=Path))
@click.option("--model", help="Model id; see 'loadscope models'.")
@click.option(
    "--framework",
    help="onnxruntime, pytorch, tensorflow, mxnet or onnxmlir; see 'loadscope doctor'.",
)
@click.option("--scenario", help="SingleStream, MultiStream, Offline or Server.")
@click.option("--mode", multiple=True, help="performance (default) or accuracy; repeat for both.")
@click.option(
    "--dataset-path",
    help="Folder of the data set (ImageNet: val/ and val_map.txt; COCO: val2017/ and "
    "annotations/; SQuAD: dev-v1.1.json), or an id of 'loadscope datasets'.",
)
@click.option("--count", type=int, help="Use only the first so many samples.")
@click.option(
    "--min-duration", help="Shortest test, e.g. 60s; a bare number is ms. Default: the round's."
)
@click.option(
    "--min-query-count",
    type=int,
    help="Fewest queries. Default: the round's; 1 when --min-duration is shorter than the round's.",
)
@click.option("--target-qps", type=float, help="Server's rate; Offline's expected rate.")
@click.option(
    "--target-latency",
    help="Server's bound; SingleStream's and MultiStream's expected latency, e.g. 15ms.",
)
@click.option("--batch-size", type=int, help="Most samples in a batch.")
@click.option("--workers", type=int, help="Batches in flight at once (Offline, Server).")
@click.option("--threads", type=int, help="The framework's own threads for each batch.")
@click.option("--max-wait", help="Longest wait of Server to fill a batch, e.g. 2ms.")
@click.option(
    "--user-conf", type=click.Path(path_type=Path), help="LoadGen user.conf to start from."
)
@click.option(
    "--models", multiple=True, type=click.Path(path_type=Path), help="Further manifest; repeat."
)
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
    help="Carry out what is unfinished in this run directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def run_command(
    script: Path | None,
    output: Path | None,
    source: Path | None,
    unfinished: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a model under LoadGen, each test in a fresh process.

    Settings come from the options, from a scenario script, or from both (options win).
    Full length is the default: ten minutes and the round's number of queries. Anything
    shorter is reported as a rehearsal.

    \b
    Example:
      loadscope run --model efficientnet-lite0 --framework onnxruntime \\
          --scenario Offline --mode performance --mode accuracy \\
          --dataset-path ~/imagenet --min-duration 10s
      loadscope run scenarios/x86-64-cpu/resnet50.yaml --dataset-path ~/imagenet
    """
    settings = {key: value for key, value in options.items() if value not in (None, ())}
    if (source or unfinished) and (settings or script or (unfinished and (output or source))):
        raise InputError(
            "--from and --resume take their settings from the run directory",
            "leave the other options out (--output may stand beside --from)",
        )
    refuse_stray_audit_config(Path.cwd())
    with progress_bars() as progress:
        if unfinished is not None:
            results = [_resume(unfinished, progress)]
        elif source is not None:
            results = [_repeat(source, output, progress)]
        else:
            results = _run_all(script, settings, output, progress)
    if as_json:
        click.echo(json.dumps(results[0] if len(results) == 1 else {"runs": results}, indent=2))
        return
    console = Console()
    console.print(results_table([load_run(Path(result["run_dir"])) for result in results]))
    folders = [Path(result["run_dir"]) for result in results]
    where = (
        f"run directory: {folders[0]}"
        if len(folders) == 1
        else f"run directories: {len(folders)} in {folders[0].parent}"
    )
    console.print(where, soft_wrap=True, highlight=False)


def _run_all(
    script: Path | None, settings: dict[str, Any], output: Path | None, progress: Progress
) -> list[dict[str, Any]]:
    if script is None:
        specs = [make_spec(settings, "command line")]
    else:
        specs = read_script(script, settings)
    results, failure = [], None
    for spec in specs:
        named = output if output is not None and len(specs) == 1 else None
        try:
            prepared = prepare(spec, progress)
            folder = named or _new_folder(output or Path("runs"), spec)
            results.append(new_run(prepared, folder, _command(), progress))
        except LoadScopeError as error:
            if len(specs) == 1 or isinstance(error, InputError):
                raise
            # The other runs of a campaign are worth having all the same.
            click.echo(f"loadscope: {spec.framework} {spec.scenario}: {error}", err=True)
            failure = error
    if failure is not None:
        raise failure
    return results


def _resume(folder: Path, progress: Progress) -> dict[str, Any]:
    run = RunDirectory.open(folder)
    return resume(run, prepare(_recorded_spec(run), progress), progress)


def _repeat(source: Path, output: Path | None, progress: Progress) -> dict[str, Any]:
    old = RunDirectory.open(source)
    spec = _recorded_spec(old)
    prepared = prepare(spec, progress)
    require_same_inputs(old.read(), prepared.record(), old.path)
    conf = old.path / "user.conf"
    text = conf.read_text(encoding="utf-8") if conf.exists() else ""
    folder = output or _new_folder(Path("runs"), spec)
    return new_run(prepared, folder, _command(), progress, user_conf=text)


def _recorded_spec(run: RunDirectory) -> RunSpec:
    return make_spec(run.read()["spec"], str(run.path / "run.json"), RecordedSpec)


def _new_folder(parent: Path, spec: RunSpec) -> Path:
    """Make a folder for a run; numbered if another run begins in the same second."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{spec.model}-{spec.framework}-{spec.scenario}"
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise InputError(
                f"cannot make {folder}: {error.strerror}", "choose another --output"
            ) from error


def _command() -> str:
    return shlex.join(["loadscope", *sys.argv[1:]])
