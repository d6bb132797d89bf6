"""The command line of the exporters; ``loadscope fetch`` calls it where a manifest says so."""

import sys
from pathlib import Path

import click

from loadscope.errors import InputError, LoadScopeError

_OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write."
)
_ARCHITECTURE = click.option("--architecture", required=True, help="The network, by name.")
_CLASSES = click.option("--classes", type=click.IntRange(1), required=True)
_SIZE = click.option(
    "--size", type=click.IntRange(1), required=True, help="Pixels along a side of the input."
)


@click.group()
def build() -> None:
    """Make a model artifact."""


@build.command("seeded-state-dict")
@_ARCHITECTURE
@_CLASSES
@_SIZE
@click.option("--seed", type=click.IntRange(0), required=True)
@_OUTPUT
def seeded_state_dict(architecture: str, classes: int, size: int, seed: int, output: Path) -> None:
    """Write a PyTorch state dict of seeded, untrained weights.

    \b
    Example:
      python -m loadscope.tools.build seeded-state-dict --architecture resnet50-v1.5 \\
          --classes 1000 --size 224 --seed 1 --output resnet50.pth
    """  # noqa: D301 (click takes \b for "keep these lines")
    from loadscope.tools.build.seeded import write_seeded

    write_seeded(architecture, classes, size, seed, output)


@build.command("onnx")
@_ARCHITECTURE
@_CLASSES
@_SIZE
@click.option("--state-dict", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--input-name", required=True, help="Name of the image input.")
@click.option("--output-name", required=True, help="Name of the output.")
@_OUTPUT
def onnx(
    architecture: str,
    classes: int,
    size: int,
    state_dict: Path,
    input_name: str,
    output_name: str,
    output: Path,
) -> None:
    """Export a PyTorch state dict to ONNX.

    \b
    Example:
      python -m loadscope.tools.build onnx --architecture resnet50-v1.5 --classes 1000 \\
          --size 224 --state-dict resnet50.pth --input-name images --output-name logits \\
          --output resnet50.onnx
    """  # noqa: D301
    from loadscope.tools.build.onnx_export import export_onnx

    export_onnx(architecture, classes, size, state_dict, input_name, output_name, output)


if __name__ == "__main__":
    try:
        build()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
