"""MXNet: the networks of Gluon's model zoo, native in MXNet."""

import functools
from collections.abc import Mapping
from typing import Any

from loadscope.suite.models.zoo.entries import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    classifier,
    images,
    resized,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described, classifiers, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

_TRAINED = ".imagenet"


class _Gluon:
    """``mxnet/<network>.imagenet``, or ``mxnet/<network>`` with seeded weights."""

    name = "mxnet"
    title = "MXNet Gluon model zoo"
    source = "mxnet 1.9.1, gluon.model_zoo.vision"
    exporters = (
        Exporter(
            name="gluon",
            command="loadscope.tools.build.zoo.gluon_command:command",
            does="exported by Gluon",
            suffix=".zip",
            needs=("mxnet",),
            install="pip install 'loadscope[mxnet]'",
            code=("loadscope.tools.build.zoo.gluon_command",),
            takes=("architecture", "size", "seed", "output-name"),
            origin_option="weights",
            allows=("seed", "base", "base_sha256", "base_sha256_prefix"),
        ),
    )

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models."""
        return classifiers("mxnet", "Gluon", "mxnet", self._rows(), _TRAINED)

    def entry(self, name: str) -> dict[str, Any]:
        """A trained network by its name and ``.imagenet``, or a seeded one by its name."""
        rows, own = self._rows(), name.removesuffix(_TRAINED)
        if own not in rows:
            raise unknown(self.name, name, [*rows, *self.described()])
        row, trained = rows[own], name != own
        size = int(row["size"])
        artifact = {
            "source": "build:gluon",
            "format": "symbol",
            "architecture": own,
            **images(size, "data"),
            **(weights(row["weights"]) if trained else {"seed": SEED}),
        }
        short = round(size / 0.875)
        return classifier(
            f"{own} (Gluon)",
            "Apache-2.0",
            resized(size, short, "pillow-bilinear", IMAGENET_MEAN, IMAGENET_STD),
            {"mxnet": artifact},
            output="logits",
            parameters=int(row["parameters"]),
            trained=trained,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("mxnet.csv")}


FAMILY = _Gluon()
