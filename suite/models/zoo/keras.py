"""Keras: its applications, native in TensorFlow."""

import functools
from collections.abc import Mapping
from typing import Any

from loadscope.suite.models.zoo.entries import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    classifier,
    resized,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described, classifiers, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

# What preprocess_input does to pixels from 0 to 255 (keras.applications.imagenet_utils).
_PIXELS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "caffe": ("bgr", (103.939, 116.779, 123.68), (1, 1, 1)),
    "none": ("rgb", (0, 0, 0), (1, 1, 1)),
    "tf": ("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ("rgb", IMAGENET_MEAN, IMAGENET_STD),
}
_TRAINED = ".imagenet"


class _Keras:
    """``keras/<application>.imagenet``, or ``keras/<application>`` with seeded weights."""

    name = "keras"
    title = "Keras applications"
    source = "keras 3.15, keras.applications"
    exporters = (
        Exporter(
            name="keras",
            command="loadscope.tools.build.zoo.keras_command:command",
            does="saved by Keras",
            suffix=".keras",
            needs=("tensorflow-cpu|tensorflow", "keras"),
            install="pip install 'loadscope[tensorflow]'",
            code=("loadscope.tools.build.zoo.keras_command",),
            takes=("architecture", "classes", "size", "seed"),
            origin_option="weights",
            allows=("seed", "base", "base_sha256", "base_sha256_prefix"),
        ),
    )

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models."""
        return classifiers("keras", "Keras", "tensorflow", self._rows(), _TRAINED)

    def entry(self, name: str) -> dict[str, Any]:
        """A trained application by its name and ``.imagenet``, or a seeded one by its name."""
        rows, own = self._rows(), name.removesuffix(_TRAINED)
        if own not in rows:
            raise unknown(self.name, name, [*rows, *self.described()])
        row, trained = rows[own], name != own
        size = int(row["size"])
        colour, mean, std = _PIXELS[row["mode"]]
        artifact = {
            "source": "build:keras",
            "format": "keras",
            "architecture": own,
            "layout": "NHWC",
            "inputs": {"images": {"dtype": "float32", "shape": [size, size, 3]}},
            "outputs": {"scores": {"dtype": "float32", "shape": [1000]}},
            **(weights(row["weights"]) if trained else {"seed": SEED}),
        }
        short = round(size / 0.875)
        return classifier(
            f"{own} (Keras)",
            "Apache-2.0",
            resized(size, short, "pillow-bilinear", mean, std, colour=colour),
            {"tensorflow": artifact},
            output="scores",
            parameters=int(row["parameters"]),
            trained=trained,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("keras.csv")}


FAMILY = _Keras()
