"""``loadscope models``: what can be run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadscope.errors import InputError, near
from loadscope.suite.cli.complete import frameworks as complete_frameworks
from loadscope.suite.cli.complete import models as complete_models
from loadscope.suite.cli.spec_options import SpecCommand, given_settings, spec_options
from loadscope.suite.models.listing import STATES, Filter, Listed, built_in, listed, of_entry
from loadscope.suite.models.zoo.family import Described
from loadscope.suite.models.zoo.registry import families
from loadscope.sut.registry import backend_info

if TYPE_CHECKING:
    from loadscope.suite.models.manifest import Catalogue, ModelEntry

models_option = spec_options("models")
_PAGE = 40


@click.group("models", invoke_without_command=True)
@click.option("--search", metavar="TEXT", help="A part of the id or title, or a pattern with *.")
@click.option("--task", help="Only models of this task.")
@click.option("--family", help="Only models of this family.")
@click.option(
    "--framework", shell_complete=complete_frameworks, help="Only models that name this framework."
)
@click.option(
    "--max-parameters", metavar="NUMBER", help="At most so many weights, e.g. 30M or 5000000."
)
@click.option(
    "--licence",
    help="Only models of this licence; those that forbid some uses are listed with it alone.",
)
@click.option("--state", type=click.Choice(STATES), help="At least so much shown by own runs.")
@click.option("--page", type=click.IntRange(1), default=1, help=f"Which {_PAGE} of them.")
@click.option("--all", "whole", is_flag=True, help="All of them, one a line.")
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
@click.pass_context
def models_command(
    context: click.Context,
    search: str | None,
    task: str | None,
    family: str | None,
    framework: str | None,
    max_parameters: str | None,
    licence: str | None,
    state: Any,
    page: int,
    whole: bool,
    models: tuple[Path, ...],
    as_json: bool,
) -> None:
    """List the models: the curated ones, then those of families.

    States: 'described' (what is known of it), 'runs here' (LoadScope's own sample exported and
    ran it, see docs/zoo.md), 'accuracy measured' (scored by a run of our own).

    \b
    Example:
      loadscope models
      loadscope models --family timm --max-parameters 10M --search mobilenet
      loadscope models --models my-models.yaml --json
      loadscope models show timm/resnet18
    """
    context.obj = models, as_json
    if context.invoked_subcommand is not None:
        return
    if framework is not None:
        backend_info(framework)
    if family is not None and family not in families():
        raise InputError(
            f"unknown model family '{family}'",
            f"{near(family, families())}use one of: {', '.join(families())}",
        )
    everything = list(listed(_curated(models)))
    for option, value, known in (
        ("task", task, sorted({one.model.task for one in everything})),
        ("licence", licence, sorted({one.model.licence for one in everything})),
    ):
        if value is not None and value.casefold() not in map(str.casefold, known):
            raise InputError(
                f"--{option}: no model has '{value}'",
                f"{near(value, known)}use one of: {', '.join(known)}",
            )
    wanted = Filter(search, task, family, framework, _parameters(max_parameters), licence, state)
    found = [one for one in everything if wanted.takes(one)]
    if as_json:
        click.echo(json.dumps([one.record() for one in found], indent=2))
    else:
        _print(found, page, whole)
        if not found and search is not None:
            click.echo(near(search, (one.model.id for one in everything)).strip(), err=True)


def _curated(manifests: tuple[Path, ...]) -> Iterator[Described]:
    if not manifests:
        yield from built_in()
        return
    # Only a manifest of the user's is worth the time that checking takes.
    from loadscope.suite.models.manifest import Catalogue

    for name, entry in Catalogue.load(manifests).models.items():
        yield of_entry(name, entry.model_dump(mode="json", exclude_none=True))


def _parameters(text: str | None) -> int | None:
    if text is None:
        return None
    scale = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}.get(text[-1:].lower(), 1)
    try:
        number = float(text if scale == 1 else text[:-1]) * scale
    except ValueError:
        number = -1
    if not 0 < number < 1e15:
        raise InputError(
            f"--max-parameters: expected a number, got '{text}'", "give it as 5000000, 30M or 1.5G"
        )
    return int(number)


def _print(found: list[Listed], page: int, whole: bool) -> None:
    pages = max(1, -(-len(found) // _PAGE))
    if not whole and page > pages:
        raise InputError(f"--page: there is no page {page}", f"give 1 to {pages}")
    shown = found if whole else found[(page - 1) * _PAGE : page * _PAGE]
    rows = [("model", "task", "licence", "parameters", "frameworks", "published", "state")]
    for one in shown:
        model = one.model
        weights = "" if model.trained else "seeded"
        rows.append(
            (
                model.id,
                model.task,
                model.licence,
                "" if model.parameters is None else _short(model.parameters),
                ", ".join(model.frameworks) or "-",
                model.published or weights or "-",
                one.state,
            )
        )
    # Written by hand: laying a thousand rows out in a table of Rich's takes seconds.
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    paged = "" if whole or pages == 1 else f"; page {page} of {pages} (--page N, or --all)"
    click.echo(
        f"{len(found):,} models{paged}; 'loadscope models show MODEL' tells all of one", err=True
    )


def _short(count: int) -> str:
    for scale, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= scale:
            return f"{count / scale:.3g}{name}"
    return str(count)


@models_command.command("show")
@click.argument("model_id", metavar="ID", shell_complete=complete_models)
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show_command(
    outer: tuple[tuple[Path, ...], bool], model_id: str, models: tuple[Path, ...], as_json: bool
) -> None:
    """Show everything that the manifest, or the rule of its family, says of one model.

    \b
    Example:
      loadscope models show efficientnet-lite0
      loadscope models show timm/resnet18.a1_in1k
    """
    import yaml

    from loadscope.suite.models.manifest import Catalogue

    # The options may stand before 'show' too.
    catalogue = Catalogue.load([*outer[0], *models])
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
    from loadscope.names import Scenario
    from loadscope.rundir.spec import make_spec
    from loadscope.rundir.spec_names import model_id
    from loadscope.suite.models.manifest import manifest_text
    from loadscope.suite.models.own_model import Said, framework_of, infer_entry

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
    from loadscope.suite.fetch.check_manifest import check_manifest

    checked = list(check_manifest(file))
    faults = [f"{one.where}: {fault}" for one in checked for fault in one.faults]
    if as_json:
        click.echo(json.dumps([vars(one) for one in checked], indent=2))
    else:
        for one in checked:
            click.echo(f"{one.where}: {one.state}")
    if faults:
        raise InputError("\n".join(faults), f"correct {file}")


def _record(catalogue: "Catalogue", model_id: str) -> dict[str, Any]:
    entry = catalogue.get(model_id)
    origin = catalogue.origins.get(model_id)
    record = {
        "id": model_id,
        **({"family": model_id.partition("/")[0]} if origin is None else {"manifest": str(origin)}),
        **entry.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    able = entry.frameworks()
    for framework, artifact in record["artifacts"].items():
        artifact["frameworks"] = [name for name, key in able.items() if key == framework]
        artifact["here"] = _here(model_id, entry, framework)
        artifact["verified"] = entry.verified(framework)
    return record


def _here(model_id: str, entry: "ModelEntry", framework: str) -> bool:
    from loadscope.paths import cache_location
    from loadscope.suite.fetch.artifacts import in_cache

    return in_cache(model_id, entry, framework, cache_location())
