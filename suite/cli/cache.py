"""``loadscope cache``: what is kept on this machine, and removing what is old."""

import fnmatch
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from loadscope.datasets.cache.disk_space import readable
from loadscope.errors import InputError, WorkError, near
from loadscope.paths import cache_location
from loadscope.suite.cli.failure import finish
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch.cache import KINDS, CacheItem, inventory, remove


@click.command("cache")
@click.option(
    "--remove",
    "names",
    multiple=True,
    metavar="NAME",
    help="Choose by name, or by a pattern such as 'minilm-squad-*'; repeat.",
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Choose what has not been used for so many days.",
)
@click.option("--kind", type=click.Choice(KINDS), help="Only what is of this kind.")
@click.option("--yes", is_flag=True, help="Remove what is chosen; without it, only say what.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def cache_command(
    context: click.Context,
    names: tuple[str, ...],
    older_than: float | None,
    kind: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """List what is kept in the cache, how large it is and when it was last used.

    Preprocessed samples, fetched data sets, model files and the layouts that were found for this
    machine stay until they are removed here. What is removed is made, fetched or found again when
    a run wants it. What a running process relies on
    or is making stays, and what is chosen goes only with --yes.

    \b
    Example:
      loadscope cache
      loadscope cache --kind samples --older-than 30
      loadscope cache --kind samples --older-than 30 --yes
      loadscope cache --kind layouts --remove 'resnet50-*' --yes
      loadscope cache --remove 577f8a469e3b --remove 'minilm-squad-*' --yes
    """
    choosing = bool(names) or older_than is not None
    if yes and not choosing:
        raise InputError(
            "--yes: nothing is chosen to be removed",
            "choose with --remove NAME or --older-than DAYS",
        )
    cache = cache_location()
    removed: list[CacheItem] = []
    with progress_bars() as progress:
        everything = inventory(cache, progress)
        items = [item for item in everything if kind in (None, item.kind)]
        _require_known(names, items)
        if choosing:
            items = [item for item in items if _chosen(item, names, older_than)]
        if yes:
            removed = remove(items, progress)
    left = [item for item in items if item not in removed]
    failure = None
    if yes and names and left:
        failure = WorkError(
            f"not removed: {', '.join(item.name for item in left)}",
            "a running process relies on it or makes it; try again when that has ended",
        )
    if as_json:
        record = {
            "cache": str(cache),
            "bytes": sum(item.size for item in everything),
            "freed_bytes": sum(item.size for item in removed),
            "items": [_record(item, item in removed) for item in items],
        }
        finish(record, failure, context)
        return
    _print(items, removed, choosing, yes)
    if not choosing:
        click.echo(f"{readable(sum(item.size for item in items))} in {cache}")
    if failure is not None:
        raise failure


def _require_known(names: tuple[str, ...], items: list[CacheItem]) -> None:
    known = [item.name for item in items]
    for name in names:
        if not fnmatch.filter(known, name):
            raise InputError(
                f"'{name}' not found in the cache",
                f"{near(name, known)}'loadscope cache' lists the names",
            )


def _chosen(item: CacheItem, names: tuple[str, ...], older_than: float | None) -> bool:
    by_name = not names or any(fnmatch.fnmatchcase(item.name, name) for name in names)
    return by_name and (older_than is None or item.age() >= older_than)


def _print(items: list[CacheItem], removed: list[CacheItem], choosing: bool, yes: bool) -> None:
    table = Table("name", "kind", "size", "last used", "state", "what")
    for item in items:
        state = "removed" if item in removed else "in use" if item.in_use else ""
        age = _ago(item.age())
        add_plain_row(table, item.name, item.kind, readable(item.size), age, state, item.what)
    if items:
        print_table(table)
    if not choosing:
        return
    if yes:
        click.echo(f"{len(removed)} removed: {readable(sum(item.size for item in removed))} free")
        return
    free = [item for item in items if not item.in_use]
    size = readable(sum(item.size for item in free))
    click.echo(f"nothing is removed yet; --yes removes {len(free)}: {size}")


def _ago(days: float) -> str:
    if days < 1:
        return "today"
    whole = int(days)
    return f"{whole} day{'s' if whole > 1 else ''} ago"


def _record(item: CacheItem, removed: bool) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "path": str(item.path),
        "bytes": item.size,
        "last_used": datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds"),
        "days": round(item.age(), 2),
        "in_use": item.in_use,
        "what": item.what,
        "removed": removed,
    }
