"""The commands of the exporters that the built-in backends name."""

import importlib
from pathlib import Path

import click

OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write."
)
ARCHITECTURE = click.option("--architecture", required=True, help="The network, by name.")
CLASSES = click.option("--classes", type=click.IntRange(1), required=True)
SIZE = click.option(
    "--size",
    type=click.IntRange(1),
    required=True,
    help="Pixels along a side of the input, or the longest text in tokens.",
)

_ONNX = click.option(
    "--onnx", type=click.Path(path_type=Path, exists=True), required=True, help="What to convert."
)


@click.command("seeded-state-dict")
@ARCHITECTURE
@CLASSES
@SIZE
@click.option("--seed", type=click.IntRange(0), required=True)
@OUTPUT
def seeded_state_dict(architecture: str, classes: int, size: int, seed: int, output: Path) -> None:
    """Write a PyTorch state dict of seeded, untrained weights.

    \b
    Example:
      python -m loadscope.tools.build seeded-state-dict --architecture resnet50-v1.5 \\
          --classes 1000 --size 224 --seed 1 --output resnet50.pth
    """
    from loadscope.tools.build.seeded import write_seeded

    write_seeded(architecture, classes, size, seed, output)


@click.command("merged-state-dict")
@ARCHITECTURE
@CLASSES
@SIZE
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The weights to start from, a safetensors file.",
)
@click.option("--delta", required=True, help="A delta that the package ships, by name.")
@OUTPUT
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


@click.command("state-dict-from-onnx")
@ARCHITECTURE
@CLASSES
@SIZE
@_ONNX
@OUTPUT
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


@click.command("onnx")
@ARCHITECTURE
@CLASSES
@SIZE
@click.option("--state-dict", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--input-name", required=True, multiple=True, help="Name of an input; repeat.")
@click.option("--output-name", required=True, multiple=True, help="Name of an output; repeat.")
@OUTPUT
def onnx(
    architecture: str,
    classes: int,
    size: int,
    state_dict: Path,
    input_name: tuple[str, ...],
    output_name: tuple[str, ...],
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


@click.command("onnx-from-tfjs")
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The model.json of a graph model, with its weights beside it.",
)
@OUTPUT
def onnx_from_tfjs(model: Path, output: Path) -> None:
    """Convert a graph model of TensorFlow.js to ONNX.

    \b
    Example:
      python -m loadscope.tools.build onnx-from-tfjs --model nanodet.json --output nanodet.onnx
    """
    from loadscope.tools.convert.tfjs_onnx import convert

    convert(model, output)


@click.command("onnx-from-program")
@click.option("--program", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--input-name", required=True, multiple=True, help="Name of an input; repeat.")
@click.option("--output-name", required=True, multiple=True, help="Name of an output; repeat.")
@OUTPUT
def onnx_from_program(
    program: Path, input_name: tuple[str, ...], output_name: tuple[str, ...], output: Path
) -> None:
    """Export a program of torch.export to ONNX.

    \b
    Example:
      python -m loadscope.tools.build onnx-from-program --program resnet18.pt2 \\
          --input-name images --output-name logits --output resnet18.onnx
    """
    from loadscope.tools.build.onnx_export import export_program

    export_program(program, input_name, output_name, output)


def _conversion(name: str, convert: str, does: str, ending: str) -> click.Command:
    """A command that makes one file of an ONNX file.

    Args:
        name: What ``build:`` calls it.
        convert: ``module:function`` of ``loadscope.tools.convert``, which takes both files; it is
            imported when the command runs, for it may import a framework.
        does: What it does, a sentence.
        ending: The end of the file's name in the example.
    """

    @click.command(
        name,
        help=f"{does}\n\n\b\nExample:\n  python -m loadscope.tools.build {name} "
        f"--onnx resnet50.onnx --output resnet50{ending}",
    )
    @_ONNX
    @OUTPUT
    def command(onnx: Path, output: Path) -> None:
        module, _, function = convert.partition(":")
        found = importlib.import_module(f"loadscope.tools.convert.{module}")
        getattr(found, function)(onnx, output)

    return command


mnn = _conversion("mnn", "mnn_file:convert", "Convert an ONNX file to one of MNN's.", ".mnn")
ncnn = _conversion(
    "ncnn",
    "ncnn_files:convert",
    "Convert an ONNX file to a graph and weights of ncnn's, in one archive.",
    ".ncnn.zip",
)
tensorflow = _conversion(
    "tensorflow",
    "tensorflow_graph:convert",
    "Convert an ONNX file to a TensorFlow frozen graph.",
    ".pb",
)
mxnet = _conversion(
    "mxnet",
    "mxnet_symbol:convert",
    "Convert an ONNX file to an MXNet symbol and its parameters, in one archive.",
    ".zip",
)
litert = _conversion(
    "litert", "litert:convert", "Convert an ONNX file to a .tflite file.", ".tflite"
)
caffe = _conversion(
    "caffe",
    "caffe_net:convert",
    "Convert an ONNX file to a Caffe network and its weights, in one archive.",
    ".caffe.zip",
)
onnx_opset7 = _conversion(
    "onnx-opset7",
    "opset7:write_opset7",
    "Write an ONNX file again in opset 7, for readers of its year.",
    "-opset7.onnx",
)
