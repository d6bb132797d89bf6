"""``loadscope datasets``: what models can be run on."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadscope.datasets.adapters.adapter import Found
from loadscope.datasets.adapters.image_label import ImageLabel
from loadscope.datasets.catalog import CatalogEntry, catalog_entry, catalog_with
from loadscope.datasets.registry import task
from loadscope.errors import InputError
from loadscope.paths import cache_location
from loadscope.suite.cli.complete import COMPLETIONS
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch import dataset_folder, dataset_in_cache
from loadscope.suite.fetch.datasets import meant

_BEST = 3
"""How many published figures are shown where no model is named."""

_files = click.option(
    "--datasets",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Further data sets: a file of entries; may be repeated.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.group("datasets", invoke_without_command=True)
@_files
@_json
@click.pass_context
def datasets_command(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """List the data sets, show one, or check that a folder is one.

    \b
    Example:
      loadscope datasets
      loadscope datasets show imagenet-v2
      loadscope datasets check imagenet-v2 ~/imagenetv2-matched-frequency-format-val
    """
    if ctx.invoked_subcommand is None:
        _list(files, as_json)


@datasets_command.command("list")
@_files
@_json
def list_command(files: tuple[Path, ...], as_json: bool) -> None:
    """List the data sets, whether they are here, and how to get them.

    \b
    Example:
      loadscope datasets list --json
    """
    _list(files, as_json)


def _list(files: tuple[Path, ...], as_json: bool) -> None:
    cache = cache_location()
    records = [_record(name, entry, cache) for name, entry in catalog_with(files).items()]
    if as_json:
        click.echo(json.dumps(records, indent=2))
        return
    table = Table("data set", "task", "title", "samples", "here")
    for record in records:
        add_plain_row(
            table,
            record["id"],
            record["task"],
            record["title"],
            f"{record['samples']:,}" if record["samples"] else "",
            "yes" if record["here"] else "no",
        )
    print_table(table)
    click.echo("loadscope datasets show ID: how to get it, its form, licence and size", err=True)


@datasets_command.command("show")
@click.argument("name", metavar="ID", shell_complete=COMPLETIONS["datasets"])
@click.option("--model", help="Only the published figures of models with this in their names.")
@_files
@_json
def show_command(name: str, model: str | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Show how to get a data set, its form, licence and size, and what is published on it.

    \b
    Example:
      loadscope datasets show fashion-mnist
      loadscope datasets show imagenet-a --model resnet18
    """
    entry = catalog_entry(name, files)
    figures = task(entry.task).published(name)
    chosen = [one for one in figures if model is None or model in one.model]
    if model is not None and not chosen:
        raise InputError(
            f"no figure of '{model}' on {name} found",
            f"{len(figures)} are known; leave --model out to see the best",
        )
    shown = chosen if model else chosen[:_BEST]
    record = _record(name, entry, cache_location())
    record["published"] = [vars(one) for one in shown]
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    form = record["form"] or {}
    said = {key: value for key, value in form.items() if value not in ("", None, [], {}, False)}
    size = [
        f"{entry.samples:,} samples" if entry.samples else "",
        f"{entry.classes} classes" if entry.classes else "",
        f"{entry.bytes / 1e6:,.1f} MB to download" if entry.bytes else "",
    ]
    rows = {
        name: entry.title,
        "task": entry.task,
        "size": ", ".join(filter(None, size)),
        "licence": entry.licence,
        "home": entry.homepage,
        "how to get it": record["path"] or entry.obtain,
        "layout": entry.layout,
        "form": ", ".join(f"{key}: {_plain(value)}" for key, value in said.items()),
        "metric": entry.metric,
    }
    width = max(map(len, rows))
    for key, value in rows.items():
        if value:
            click.echo(f"{key:<{width}}  {value}")
    if shown:
        click.echo(f"published figures ({entry.metric}), {len(shown)} of {len(figures)}:")
        for one in shown:
            click.echo(f"  {one.value:6.2f}  {one.model}, {one.input}")


@datasets_command.command("check")
@click.argument("name", metavar="ID", shell_complete=COMPLETIONS["datasets"])
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@_files
@_json
def check_command(name: str, folder: Path | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Read a folder as the data set of an id, and say what was found in it.

    Without FOLDER the data set's own is read. ID may be a folder alone: of labelled images.

    \b
    Example:
      loadscope datasets check cifar-10 ~/cifar-10-batches-bin
      loadscope datasets check ./my-photographs
    """
    own = meant(name, files)[1]
    if own is not None:
        found = ImageLabel().look(own, None)
    else:
        entry = catalog_entry(name, files)
        where = folder or _place(name, entry)
        if entry.form is None:
            raise InputError(
                f"{name} is read by its task alone, {entry.task}",
                "run a model on it, with --count 1 to be quick",
            )
        if not where.exists():
            raise InputError(f"{where} not found", _how_to_get(entry))
        found = entry.form.look(where, entry.classes)
        if not found.labelled and (entry.metric or entry.classes):
            raise InputError(
                f"{where}: {found.samples:,} samples and no labels, which {name} has",
                "add them, or take metric and classes out of the entry"
                if entry.path
                else _how_to_get(entry),
            )
        found = _with_count(found, entry.samples)
    if as_json:
        click.echo(json.dumps(vars(found) | {"remarks": list(found.remarks)}, indent=2))
        return
    classes = f", {found.classes} classes" if found.classes else ""
    click.echo(f"{found.form}: {found.samples:,} samples{classes}")
    for part, value in found.first.items():
        click.echo(f"first {part}: {value}")
    for remark in found.remarks:
        click.echo(f"note: {remark}")


def _with_count(found: Found, samples: int | None) -> Found:
    if samples is None or samples == found.samples:
        return found
    remark = f"the whole data set has {samples:,} samples"
    return replace(found, remarks=(*found.remarks, remark))


def _how_to_get(entry: CatalogEntry) -> str:
    return f"{entry.obtain} Layout: {entry.layout}" if entry.layout else entry.obtain


def _place(name: str, entry: CatalogEntry) -> Path:
    cache = cache_location()
    if entry.path is None and not dataset_in_cache(name, cache):
        raise InputError(
            f"{name} is not here",
            f"loadscope datasets check {name} FOLDER; `loadscope datasets show {name}` says how to "
            "get it",
        )
    return entry.path or dataset_folder(name, cache)


def _record(name: str, entry: CatalogEntry, cache: Path) -> dict[str, Any]:
    own = entry.path is not None
    here = bool(entry.path and entry.path.exists()) if own else dataset_in_cache(name, cache)
    path = str(entry.path or dataset_folder(name, cache)) if here else None
    dumped = entry.model_dump(mode="json")
    return {"id": name, **dumped, "here": here, "path": path}


def _plain(value: Any) -> str:
    if isinstance(value, list) and len(value) > 6:
        return f"{', '.join(map(str, value[:6]))}, … ({len(value)})"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each}" for key, each in list(value.items())[:6])
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
