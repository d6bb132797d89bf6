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
    "--size",
    type=click.IntRange(1),
    required=True,
    help="Pixels along a side of the input, or the longest text in tokens.",
)

_ONNX = click.option(
    "--onnx", type=click.Path(path_type=Path, exists=True), required=True, help="What to convert."
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
    """
    from loadscope.tools.build.seeded import write_seeded

    write_seeded(architecture, classes, size, seed, output)


@build.command("merged-state-dict")
@_ARCHITECTURE
@_CLASSES
@_SIZE
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The weights to start from, a safetensors file.",
)
@click.option("--delta", required=True, help="A delta that the package ships, by name.")
@_OUTPUT
def merged_state_dict(
    architecture: str, classes: int, size: int, base: Path, delta: str, output: Path
) -> None:
    """Write a PyTorch state dict of published weights and a delta.

    \b
    Example:
      python -m loadscope.tools.build merged-state-dict --architecture bert-minilm-l6 \\
          --classes 2 --size 384 --base model.safetensors --delta minilm_squad_delta \\
          --output minilm-squad.pth
    """
    from loadscope.tools.build.merge import write_merged

    write_merged(architecture, classes, size, base, delta, output)


@build.command("state-dict-from-onnx")
@_ARCHITECTURE
@_CLASSES
@_SIZE
@_ONNX
@_OUTPUT
def state_dict_from_onnx(
    architecture: str, classes: int, size: int, onnx: Path, output: Path
) -> None:
    """Write a PyTorch state dict of an ONNX file's weights.

    \b
    Example:
      python -m loadscope.tools.build state-dict-from-onnx --architecture yolox-nano \\
          --classes 80 --size 416 --onnx yolox_nano.onnx --output yolox_nano.pth
    """
    from loadscope.tools.build.onnx_weights import write_weights

    write_weights(architecture, classes, size, onnx, output)


@build.command("onnx")
@_ARCHITECTURE
@_CLASSES
@_SIZE
@click.option("--state-dict", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--input-name", required=True, multiple=True, help="Name of an input; repeat.")
@click.option("--output-name", required=True, help="Name of the output.")
@_OUTPUT
def onnx(
    architecture: str,
    classes: int,
    size: int,
    state_dict: Path,
    input_name: tuple[str, ...],
    output_name: str,
    output: Path,
) -> None:
    """Export a PyTorch state dict to ONNX.

    \b
    Example:
      python -m loadscope.tools.build onnx --architecture resnet50-v1.5 --classes 1000 \\
          --size 224 --state-dict resnet50.pth --input-name images --output-name logits \\
          --output resnet50.onnx
    """
    from loadscope.tools.build.onnx_export import export_onnx

    export_onnx(architecture, classes, size, state_dict, input_name, output_name, output)


@build.command("onnx-from-tfjs")
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The model.json of a graph model, with its weights beside it.",
)
@_OUTPUT
def onnx_from_tfjs(model: Path, output: Path) -> None:
    """Convert a graph model of TensorFlow.js to ONNX.

    \b
    Example:
      python -m loadscope.tools.build onnx-from-tfjs --model nanodet.json --output nanodet.onnx
    """
    from loadscope.tools.convert.tfjs_onnx import convert

    convert(model, output)


@build.command("tensorflow")
@_ONNX
@_OUTPUT
def tensorflow(onnx: Path, output: Path) -> None:
    """Convert an ONNX file to a TensorFlow frozen graph.

    \b
    Example:
      python -m loadscope.tools.build tensorflow --onnx resnet50.onnx --output resnet50.pb
    """
    from loadscope.tools.convert.tensorflow_graph import convert

    convert(onnx, output)


@build.command("mxnet")
@_ONNX
@_OUTPUT
def mxnet(onnx: Path, output: Path) -> None:
    """Convert an ONNX file to an MXNet symbol and its parameters, in one archive.

    \b
    Example:
      python -m loadscope.tools.build mxnet --onnx resnet50.onnx --output resnet50.zip
    """
    from loadscope.tools.convert.mxnet_symbol import convert

    convert(onnx, output)


if __name__ == "__main__":
    try:
        build()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
