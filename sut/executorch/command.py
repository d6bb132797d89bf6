"""The exporters of ExecuTorch: a program of PyTorch's, lowered in ExecuTorch's environment."""

import tempfile
import warnings
from pathlib import Path

import click

from loadscope.files import replacing
from loadscope.sut.executorch.info import INFO
from loadscope.sut.interpreter.process import Worker

_OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write."
)


@click.command("executorch")
@click.option("--architecture", required=True, help="The network, by name.")
@click.option("--classes", type=click.IntRange(1), required=True)
@click.option(
    "--size",
    type=click.IntRange(1),
    required=True,
    help="Pixels along a side of the input, or the longest text in tokens.",
)
@click.option("--state-dict", type=click.Path(path_type=Path, exists=True), required=True)
@_OUTPUT
def executorch(architecture: str, classes: int, size: int, state_dict: Path, output: Path) -> None:
    """Export a PyTorch state dict to ExecuTorch, for one sample at a time.

    \b
    Example:
      python -m loadscope.tools.build executorch --architecture efficientnet-lite0 \\
          --classes 1000 --size 224 --state-dict lite0.pth --output lite0.pte
    """
    import torch

    from loadscope.sut.architectures.bert import BertForSpans
    from loadscope.sut.architectures.state_dict import load_network

    network = load_network(architecture, classes, size, state_dict)
    if isinstance(network, BertForSpans):
        example = tuple(torch.zeros(1, size, dtype=torch.int64) for _ in network.example())
    else:
        example = (torch.zeros(1, getattr(network, "channels", 3), size, size),)
    with tempfile.TemporaryDirectory(prefix="loadscope-") as folder:
        program = Path(folder) / "network.pt2"
        with warnings.catch_warnings():
            # The exporter warns of its own internals.
            warnings.simplefilter("ignore")
            torch.export.save(torch.export.export(network, example), program)
        lower(program, output)


@click.command("executorch-from-program")
@click.option("--program", type=click.Path(path_type=Path, exists=True), required=True)
@_OUTPUT
def executorch_from_program(program: Path, output: Path) -> None:
    """Lower a program of ``torch.export.save`` to ExecuTorch.

    \b
    Example:
      python -m loadscope.tools.build executorch-from-program --program resnet18.pt2 \\
          --output resnet18.pte
    """
    lower(program, output)


def lower(program: Path, output: Path) -> None:
    """Lower a program in ExecuTorch's environment.

    Args:
        program: A ``.pt2`` archive.
        output: The ``.pte`` file to write.

    Raises:
        InputError: The environment is not made, the program cannot be read there, or has an
            operator that ExecuTorch lacks.
        WorkError: ExecuTorch cannot lower it.
    """
    worker = Worker(INFO)
    try:
        with replacing(output) as part:
            worker.ask("export", source=str(program), target=str(part), options={})
    finally:
        worker.close()
