"""``loadscope bundle``: what a machine without a network needs, there and back."""

import json
import platform
from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError
from loadscope.suite.cli.asked import COMMAND_LINE
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.run.script import expand

_PATHS = click.Path(path_type=Path)
_PLATFORMS = ("linux-x86_64", "linux-aarch64", "linux-s390x")
_EXAMPLE = """\b
Example:
  loadscope bundle make --model minilm-squad --framework onnxruntime --dataset squad-sample \\
      --platform linux-x86_64 --python 3.11 --output z.tar
  # there, without a network:
  mkdir b && tar xf z.tar -C b && python3.11 b/install.py --target lab
  # and back:
  loadscope bundle results runs --output back.tar.gz
"""


@click.group("bundle", epilog=_EXAMPLE)
def bundle_command() -> None:
    """Carry packages, models and data to a machine without network, and results back."""


@bundle_command.command(
    "make",
    cls=SpecCommand,
    epilog="\b\nExample:\n  loadscope bundle make --model efficientnet-lite0 --framework "
    "onnxruntime \\\n      --dataset imagenet-sample20 --output lab.tar",
)
@spec_options("model", "framework", "models", "task", "preprocess", "shape")
@click.option("--dataset", "datasets", multiple=True, metavar="TEXT",
              help="Id, or ID=FOLDER; may be repeated.")  # fmt: skip
@click.option("--script", "scripts", multiple=True, type=_PATHS,
              help="Scenario script; may be repeated.")  # fmt: skip
@click.option("--datasets", "dataset_files", multiple=True, type=_PATHS,
              help="Further data sets: a file of entries.")  # fmt: skip
@click.option("--platform", "system", type=click.Choice(_PLATFORMS),
              help="Of the machine that it is for. Default: like this one.")  # fmt: skip
@click.option("--python", default="3.11", show_default=True, metavar="X.Y", help="Its Python.")
@click.option("--glibc", default="2.28", show_default=True, metavar="2.N",
              help="Its C library; newer wheels are not taken.")  # fmt: skip
@click.option("--extra", "extras", multiple=True, help="Further extra of loadscope; repeatable.")
@click.option("--wheels/--no-wheels", default=True, show_default=True,
              help="Whether packages go into it.")  # fmt: skip
@click.option("--wheel", type=_PATHS, help="LoadScope's own wheel. Default: built.")
@click.option("--find-links", "links", multiple=True, type=_PATHS,
              help="Folder of wheels that no index has; may be repeated.")  # fmt: skip
@click.option("--no-index", is_flag=True, help="Take packages from those folders alone.")
@click.option("--output", type=_PATHS, required=True, help="The archive (tar).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def make_command(
    datasets: tuple[str, ...],
    scripts: tuple[Path, ...],
    dataset_files: tuple[Path, ...],
    system: str | None,
    python: str,
    glibc: str,
    extras: tuple[str, ...],
    wheels: bool,
    wheel: Path | None,
    links: tuple[Path, ...],
    no_index: bool,
    output: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Write one archive with packages, models, data, scripts, rules and licences."""
    from loadscope.suite.bundle.make import Asked, make_bundle

    settings = given_settings(options)
    if ("model" in settings) != ("framework" in settings):
        raise InputError("a model is taken for a framework", "give --model and --framework")
    models = []
    if settings:
        models = expand({}, [{}], {**settings, "scenario": "Offline"}, COMMAND_LINE)
    if not wheels and (wheel or links or no_index):
        raise InputError(
            "--wheel, --find-links and --no-index have no meaning beside --no-wheels",
            "leave them out, or --no-wheels",
        )
    here = f"{platform.system().lower()}-{platform.machine()}"
    if python.count(".") != 1 or not python.replace(".", "").isdigit():
        raise InputError(f"--python: expected X.Y, got '{python}'", "for example 3.11")
    asked = Asked(
        models, datasets, scripts, dataset_files, system or here, python,
        glibc, extras, wheels, wheel, links, no_index,
    )  # fmt: skip
    with progress_bars() as progress:
        bundle = make_bundle(asked, output, progress)
    size = output.stat().st_size
    if as_json:
        record = {"output": str(output), "bytes": size, **bundle.model_dump(mode="json")}
        click.echo(json.dumps(record, indent=2))
        return
    for model in bundle.models:
        renamed = f", run as {model.run_as}" if model.run_as != model.id else ""
        click.echo(f"model    {model.id} ({model.framework}){renamed}")
    for name, place in bundle.datasets.items():
        click.echo(f"data     {name}{'' if place else ' (comes with LoadScope)'}")
    packages = ", ".join(bundle.requirements) or "none"
    click.echo(f"packages {packages}, for {bundle.platform}, Python {bundle.python}")
    click.echo(f"{output}: {size / 1e6:.1f} MB")


@bundle_command.command("verify", epilog="\b\nExample:\n  loadscope bundle verify lab.tar")
@click.argument("path", type=_PATHS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def verify_command(path: Path, as_json: bool) -> None:
    """Hold every file of a bundle, or of an archive of results, against its digest."""
    from loadscope.suite.bundle.install import verify_bundle

    with progress_bars() as progress:
        count = verify_bundle(path, progress)
    if as_json:
        click.echo(json.dumps({"path": str(path), "files": count, "intact": True}, indent=2))
        return
    click.echo(f"{path}: {count} files as in MANIFEST.sha256")


@bundle_command.command(
    "install",
    epilog="\b\nExample:\n  loadscope bundle install lab.tar --no-index --target lab",
)
@click.argument("path", type=_PATHS)
@click.option("--target", type=_PATHS, required=True,
              help="Folder for its files and its environment.")  # fmt: skip
@click.option("--packages/--no-packages", default=True, show_default=True,
              help="Whether an environment is made of its packages.")  # fmt: skip
@click.option("--no-index", is_flag=True,
              help="Packages come from the bundle alone; so they always do.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def install_command(
    path: Path, target: Path, packages: bool, no_index: bool, as_json: bool
) -> None:
    """Install a bundle without a network: an environment, models and data.

    Where LoadScope is not there yet, take the archive apart and run its install.py instead.
    """
    from loadscope.suite.bundle.install import install_bundle

    with progress_bars() as progress:
        done = install_bundle(path, target, packages, progress)
    if as_json:
        told = {"folder": str(done.folder), "python": str(done.python)}
        record = {**told, "commands": done.commands, **done.bundle.model_dump(mode="json")}
        click.echo(json.dumps(record, indent=2))
        return
    click.echo(f"installed: {done.folder}; Python: {done.python}")
    for command in done.commands:
        click.echo(f"  {command}")


@bundle_command.command(
    "results",
    epilog="\b\nExample:\n  loadscope bundle results runs --without-machine --output back.tar.gz\n"
    "  loadscope results add back.tar.gz        # at home",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...", type=_PATHS)
@click.option("--output", type=_PATHS, required=True, help="The archive (tar.gz).")
@click.option("--without-machine", is_flag=True,
              help="Leave out what tells the machine from its like, and its paths.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def results_command(
    paths: tuple[Path, ...], output: Path, without_machine: bool, as_json: bool
) -> None:
    """Write run directories as an archive that loadscope results add takes.

    Weights are never in it: a run has the digests of a model's files.
    """
    from loadscope.suite.bundle.back import pack_results

    with progress_bars() as progress:
        count = pack_results(paths, output, without_machine, progress)
    if as_json:
        click.echo(json.dumps({"output": str(output), "runs": count}, indent=2))
        return
    click.echo(f"{output}: {count} runs")
