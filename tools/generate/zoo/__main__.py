"""``python -m loadscope.tools.generate.zoo``: the families' tables, and the sample's page."""

import sys
from pathlib import Path

import click

import loadscope
from loadscope.errors import InputError, LoadScopeError

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
    help="Where run directories go; what is there already is not run again.",
)
@click.option("--limit", type=click.IntRange(1), help="Run at most so many that are not there.")
def sample(output: Path, limit: int | None) -> None:
    """Run the sample on ONNX Runtime and natively, and write docs/zoo.md.

    \b
    Example:
      python -m loadscope.tools.generate.zoo sample --output runs/zoo
    """
    from loadscope.tools.generate.zoo.sample import measure, pairs, write_page

    output.mkdir(parents=True, exist_ok=True)
    rows, new = [], 0
    asked = pairs()
    for number, (model, framework) in enumerate(asked, 1):
        there = (output / f"{model.replace('/', '-')}-{framework}.json").is_file()
        if not there and limit is not None and new == limit:
            continue
        new += not there
        row = measure(model, framework, output)
        said = row.failure or f"{row.rate:.4g} samples/s, {row.layers} layers"
        click.echo(f"{number}/{len(asked)} {model} {framework}: {said}", err=True)
        rows.append(row)
    write_page(rows, _REPOSITORY / "docs" / "zoo.md", _TABLES / "measured.csv")
    failed = sum(bool(row.failure) for row in rows)
    click.echo(f"zoo: {len(rows) - failed} of {len(asked)} rows ran, {failed} did not; docs/zoo.md")


def _say(rows: int) -> None:
    click.echo(f"{rows:,} rows")


if __name__ == "__main__":
    try:
        main()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
