"""The command that exports the networks of Gluon's model zoo."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.sut.mxnet.mxnet_import import import_mxnet
from loadscope.tools.build.commands import ARCHITECTURE, OUTPUT, SIZE
from loadscope.tools.convert.mxnet_symbol import pack


@click.command("gluon")
@ARCHITECTURE
@SIZE
@click.option("--seed", type=click.IntRange(0), help="Of weights that are not given.")
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="A zip archive.")
@click.option("--output-name", required=True, multiple=True, help="Name of the output.")
@OUTPUT
def command(
    architecture: str,
    size: int,
    seed: int | None,
    weights: Path | None,
    output_name: tuple[str, ...],
    output: Path,
) -> None:
    """Write symbol and parameters of a network of Gluon's model zoo, in one archive.

    \b
    Example:
      python -m loadscope.tools.build gluon --architecture resnet18_v1 --size 224 --seed 1 \\
          --output-name logits --output resnet18.zip
    """
    mx = import_mxnet(1)
    # Gluon's initialisers still use names that NumPy dropped in 1.24.
    np.object = np.object_  # type: ignore[attr-defined]
    from mxnet.gluon.model_zoo import vision

    mx.random.seed(seed or 0)
    np.random.seed((seed or 0) % (1 << 32))
    network = vision.get_model(architecture, prefix="")
    if weights is None:
        network.initialize(mx.init.Xavier())
    else:
        _load(mx, network, weights)
    symbol = network(mx.sym.var("data"))
    network(mx.nd.zeros((1, 3, size, size)))
    if weights is None:
        _seed_statistics(mx, network)
    states = set(symbol.list_auxiliary_states())
    arrays = {
        f"{'aux' if name in states else 'arg'}:{name}": parameter.data()
        for name, parameter in network.collect_params().items()
    }
    named = mx.sym.identity(symbol, name=output_name[0])
    with replacing(output) as temporary:
        pack(temporary, named.tojson(), arrays)


def _seed_statistics(mx: Any, network: Any) -> None:
    """Give batch norms statistics that are neither identity nor a constant."""
    for name, parameter in network.collect_params().items():
        low, high = next(
            (
                limits
                for ending, limits in (
                    ("running_var", (0.8, 1.25)),
                    ("running_mean", (-0.2, 0.2)),
                    ("gamma", (0.6, 0.8)),
                    ("beta", (-0.2, 0.2)),
                )
                if name.endswith(ending)
            ),
            (0.0, 0.0),
        )
        if high:
            parameter.set_data(mx.nd.random.uniform(low, high, parameter.shape))


def _load(mx: Any, network: Any, weights: Path) -> None:
    try:
        with zipfile.ZipFile(weights) as archive, tempfile.TemporaryDirectory() as folder:
            (member,) = (name for name in archive.namelist() if name.endswith(".params"))
            network.load_parameters(archive.extract(member, folder))
    except (zipfile.BadZipFile, ValueError, AssertionError, mx.MXNetError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{weights} has no parameters of the network: {first}", "fetch it again"
        ) from error
