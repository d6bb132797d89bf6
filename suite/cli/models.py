"""``loadscope models``: what can be run."""

import json
from pathlib import Path
from typing import Any

import click
import yaml
from rich.table import Table

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.paths import cache_location
from loadscope.rundir.spec import make_spec
from loadscope.rundir.spec_names import model_id
from loadscope.suite.cli.complete import models as complete_models
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch.artifacts import in_cache
from loadscope.suite.fetch.check_manifest import check_manifest
from loadscope.suite.models.manifest import Catalogue, ModelEntry, manifest_text
from loadscope.suite.models.own_model import Said, framework_of, infer_entry

models_option = spec_options("models")


@click.group("models", invoke_without_command=True)
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
@click.pass_context
def models_command(context: click.Context, models: tuple[Path, ...], as_json: bool) -> None:
    """List the models, and whether their files are here.

    \b
    Example:
      loadscope models
      loadscope models --models my-models.yaml --json
      loadscope models show resnet50
    """
    context.obj = models, as_json
    if context.invoked_subcommand is not None:
        return
    catalogue = Catalogue.load(models)
    if as_json:
        click.echo(json.dumps([_record(catalogue, name) for name in catalogue.models], indent=2))
        return
    table = Table("model", "title", "task", "framework", "licence", "source", "here")
    for name, entry in catalogue.models.items():
        first: tuple[str, str, str] = (name, entry.title, entry.task)
        able = entry.frameworks()
        for framework, artifact in entry.artifacts.items():
            source = artifact.source.partition("#")[0]
            source += "" if entry.verified(framework) else " (unverified)"
            here = "yes" if _here(name, entry, framework) else "no"
            takers = ", ".join(name for name, key in able.items() if key == framework)
            add_plain_row(table, *first, takers, entry.licence, source, here)
            first = ("", "", "")
    print_table(table)


@models_command.command("show")
@click.argument("model_id", metavar="ID", shell_complete=complete_models)
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show_command(
    outer: tuple[tuple[Path, ...], bool], model_id: str, models: tuple[Path, ...], as_json: bool
) -> None:
    """Show everything that the manifest says of one model.

    \b
    Example:
      loadscope models show efficientnet-lite0
    """
    # The options may stand before 'show' too.
    catalogue = Catalogue.load([*outer[0], *models])
    catalogue.get(model_id)
    record = _record(catalogue, model_id)
    if as_json or outer[1]:
        click.echo(json.dumps(record, indent=2))
    else:
        click.echo(yaml.safe_dump(record, sort_keys=False, allow_unicode=True), nl=False)


@models_command.command("draft", cls=SpecCommand)
@click.argument("file", type=click.Path(path_type=Path))
@spec_options("framework", "task", "preprocess", "shape", single=("framework",))
def draft_command(file: Path, **given: Any) -> None:
    """Print a manifest for a model's file, to be edited and given with --models.

    It is what 'loadscope run --model FILE' takes the file for; what was assumed stands at its
    beginning. The framework is the first one that reads the file and is installed.

    \b
    Example:
      loadscope models draft ./my.onnx > my.yaml
      loadscope models draft ./net-symbol.json --shape data=1,3,224,224
    """
    settings = given_settings(given)
    named = settings.get("framework")
    # Names, sizes and paths are checked as those of a run are.
    asked = make_spec(
        {
            "model": str(file.absolute()),
            "scenario": Scenario.OFFLINE,
            **settings,
            "framework": named or framework_of(file),
        },
        "command line",
    )
    said = Said(asked.framework, asked.task, asked.preprocess, asked.shape)
    found = infer_entry(file, said)
    manifest = manifest_text(model_id(asked.model), found.entry)
    understood = found.lines[:2]
    click.echo("".join(f"# {line}\n" for line in understood) + manifest, nl=False)


@models_command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of what was found.")
def check_command(file: Path, as_json: bool) -> None:
    """Check a manifest, and hold it against the models' files that are on this machine.

    All errors are told at once; the exit status is 2 where there are any.

    \b
    Example:
      loadscope models check my.yaml
    """
    checked = list(check_manifest(file))
    faults = [f"{one.where}: {fault}" for one in checked for fault in one.faults]
    if as_json:
        click.echo(json.dumps([vars(one) for one in checked], indent=2))
    else:
        for one in checked:
            click.echo(f"{one.where}: {one.state}")
    if faults:
        raise InputError("\n".join(faults), f"correct {file}")


def _record(catalogue: Catalogue, model_id: str) -> dict[str, Any]:
    entry = catalogue.get(model_id)
    record = {
        "id": model_id,
        "manifest": str(catalogue.origins[model_id]),
        **entry.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    able = entry.frameworks()
    for framework, artifact in record["artifacts"].items():
        artifact["frameworks"] = [name for name, key in able.items() if key == framework]
        artifact["here"] = _here(model_id, entry, framework)
        artifact["verified"] = entry.verified(framework)
    return record


def _here(model_id: str, entry: ModelEntry, framework: str) -> bool:
    return in_cache(model_id, entry, framework, cache_location())
