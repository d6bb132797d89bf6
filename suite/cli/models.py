"""``loadscope models``: what can be run."""

import json
from pathlib import Path
from typing import Any

import click
import yaml
from rich.table import Table

from loadscope.paths import cache_location
from loadscope.suite.cli.complete import models as complete_models
from loadscope.suite.cli.spec_options import spec_options
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch.artifacts import in_cache
from loadscope.suite.models.manifest import Catalogue, ModelEntry

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
