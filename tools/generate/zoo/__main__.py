"""``python -m loadscope.tools.generate.zoo``: the families' tables, and the sample's page."""

import sys
from pathlib import Path

import click

import loadscope
from loadscope.datasets.catalog import catalog_entry
from loadscope.errors import InputError, LoadScopeError
from loadscope.rundir.spec_names import dataset_named
from loadscope.suite.models.listing import MEASURED

_REPOSITORY = Path(loadscope.__file__).resolve().parents[2]
_TABLES = _REPOSITORY / "suite" / "models" / "zoo"
_COMMIT = click.option("--commit", required=True, help="The commit that the file is of.")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def main() -> None:
    """Write the tables of the model families, each where its library can be imported.

    \b
    Example:
      python -m loadscope.tools.generate.zoo timm --commit aa4b5850 results-imagenet.csv
    """


@main.command("timm")
@click.argument("results", type=_FILE)
@_COMMIT
def timm(results: Path, commit: str) -> None:
    """Write timm's table from its results/results-imagenet.csv."""
    from loadscope.tools.generate.zoo.timm_table import write

    _say(write(results, commit, _TABLES / "timm.csv"))


@main.command("onnx-zoo")
@click.argument("manifest", type=_FILE)
@_COMMIT
def onnx_zoo(manifest: Path, commit: str) -> None:
    """Write the ONNX model zoo's table from its ONNX_HUB_MANIFEST.json."""
    from loadscope.tools.generate.zoo.onnx_zoo_table import write

    _say(write(manifest, commit, _TABLES / "onnx-zoo.csv"))


@main.command("torchvision")
def torchvision() -> None:
    """Write torchvision's table."""
    from loadscope.tools.generate.zoo.torchvision_table import write

    _say(write(_TABLES / "torchvision.csv"))


@main.command("keras")
def keras() -> None:
    """Write Keras' table."""
    from loadscope.tools.generate.zoo.keras_table import write

    _say(write(_TABLES / "keras.csv"))


@main.command("mxnet")
def mxnet() -> None:
    """Write MXNet's table."""
    from loadscope.tools.generate.zoo.mxnet_table import write

    _say(write(_TABLES / "mxnet.csv"))


@main.command("transformers")
def transformers() -> None:
    """Write transformers' table."""
    from loadscope.tools.generate.zoo.transformers_table import write

    _say(write(_TABLES / "transformers.csv"))


@main.command("sample")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where run directories go.",
)
@click.option("--limit", type=click.IntRange(1), help="Run at most so many that have not run.")
@click.option(
    "--dataset-path",
    "datasets",
    multiple=True,
    metavar="ID=FOLDER",
    help="A whole data set that nothing fetches, on which curated models are scored; repeat.",
)
def sample(output: Path, limit: int | None, datasets: tuple[str, ...]) -> None:
    """Run the sample on ONNX Runtime and natively, and write docs/zoo.md.

    What stands in suite/models/zoo/measured.csv has run, and is not run again; what failed is
    tried once more when all else has run.

    \b
    Example:
      python -m loadscope.tools.generate.zoo sample --output runs/zoo
    """
    from loadscope.tools.generate.zoo.rows import read_rows, write_page, write_rows
    from loadscope.tools.generate.zoo.sample import measure, pairs

    folders = dict(map(_folder, datasets))
    output.mkdir(parents=True, exist_ok=True)
    rows, asked = read_rows(), pairs(folders)
    todo = [pair for pair in asked if pair not in rows]
    todo += [pair for pair in asked if pair in rows and rows[pair].failure]
    todo = todo[:limit]
    for number, (model, framework) in enumerate(todo, 1):
        row = measure(model, framework, output, folders)
        said = row.failure or f"{row.rate:.4g} samples/s, {row.layers} layers {row.accuracy}"
        click.echo(f"{number}/{len(todo)} {model} {framework}: {said}", err=True)
        rows[model, framework] = row
        # After each, so that nothing has to be run twice.
        write_rows(rows, asked, _TABLES / MEASURED)
    write_page(rows, asked, _REPOSITORY / "docs" / "zoo.md")
    ran = sum(pair in rows and not rows[pair].failure for pair in asked)
    click.echo(f"zoo: {ran} of {len(asked)} rows have run; docs/zoo.md")


def _folder(given: str) -> tuple[str, Path]:
    name, folder = dataset_named(given)
    if not name or folder is None or not folder.is_dir():
        raise InputError(f"--dataset-path: expected ID=FOLDER, got '{given}'", "name a folder")
    catalog_entry(name)
    return name, folder.absolute()


def _say(rows: int) -> None:
    click.echo(f"{rows:,} rows")


if __name__ == "__main__":
    try:
        main()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
