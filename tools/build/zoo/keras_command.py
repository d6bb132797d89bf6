"""The command that saves Keras' applications."""

import os
from pathlib import Path
from typing import Any

import click
import numpy as np

from loadscope.errors import InputError
from loadscope.files import replacing
from loadscope.tools.build.commands import ARCHITECTURE, CLASSES, OUTPUT, SIZE

_IMAGES, _TILES = 4, 8


@click.command("keras")
@ARCHITECTURE
@CLASSES
@SIZE
@click.option("--seed", type=click.IntRange(0), help="Of weights that are not given.")
@click.option("--weights", type=click.Path(path_type=Path, exists=True))
@OUTPUT
def command(
    architecture: str,
    classes: int,
    size: int,
    seed: int | None,
    weights: Path | None,
    output: Path,
) -> None:
    """Save an application of Keras, its input called ``images`` and its output ``scores``.

    \b
    Example:
      python -m loadscope.tools.build keras --architecture MobileNetV2 --classes 1000 \\
          --size 224 --seed 1 --output mobilenet.keras
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    keras.utils.set_random_seed(seed or 0)
    make = getattr(keras.applications, architecture)
    try:
        network = make(weights=None if weights is None else str(weights), classes=classes)
    except (OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"Keras cannot make {architecture}: {first}") from error
    if weights is None:
        _seed_weights(keras, network, (size, size, 3), seed or 0)
    images = keras.Input((size, size, 3), name="images")
    scores = keras.layers.Activation("linear", name="scores")(network(images))
    with replacing(output) as temporary:
        # Keras takes the format from the ending.
        named = temporary.with_name(f"{temporary.name}.keras")
        keras.Model(images, scores).save(named)
        named.replace(temporary)


def _seed_weights(keras: Any, network: Any, sample: tuple[int, int, int], seed: int) -> None:
    """Give a network weights that keep differences between samples through any depth.

    Kernels are He's normal ones (2015b: variance 2 / fan-in), scales around 0.7. Batch norms have
    the statistics of coarse random tiles.
    """
    random = np.random.default_rng(seed)
    limits = {"gamma": (0.6, 0.8), "beta": (-0.2, 0.2)}
    for variable in network.weights:
        shape = tuple(variable.shape)
        if variable.name in limits:
            variable.assign(random.uniform(*limits[variable.name], shape))
        elif variable.name == "kernel" or variable.name.endswith("_kernel"):
            inner = shape[:2] if variable.name == "depthwise_kernel" else shape[:-1]
            variable.assign(random.normal(0, (2 / np.prod(inner)) ** 0.5, shape))
    tiles = random.uniform(-1, 1, (_IMAGES, _TILES, _TILES, 3))
    if any(isinstance(layer, keras.layers.Rescaling) for layer in network.layers):
        # The network itself makes what the others are given of pixels.
        tiles = 127.5 * (tiles + 1)
    at = np.arange(sample[0]) * _TILES // sample[0]
    norms = [one for one in network.layers if isinstance(one, keras.layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    network(tiles[:, at][:, :, at].astype(np.float32), training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
