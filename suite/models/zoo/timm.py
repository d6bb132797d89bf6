"""timm: more than 1,200 trained image classifiers, each architecture seeded without a download."""

import functools
from collections.abc import Mapping
from typing import Any

from loadscope.suite.models.zoo.entries import exported
from loadscope.suite.models.zoo.family import Described, table
from loadscope.suite.models.zoo.networks import described, exporter, network


class _Timm:
    """``timm/<architecture>.<tag>`` with its weights, ``timm/<architecture>`` with seeded ones."""

    name = "timm"
    title = "timm (PyTorch image models)"
    source = "huggingface/pytorch-image-models aa4b5850, results/results-imagenet.csv"
    exporters = (
        exporter("timm", "timm==1.0.31", ("safetensors", "huggingface-hub"), ("settings",)),
    )

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models."""
        return {
            name: described(self.name, name, row, exported(name.partition(".")[0]))
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A trained model by its full name, or a seeded one by its architecture's."""
        return network(self.name, name, self._rows(), "Apache-2.0").classifier()

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("timm.csv")}


FAMILY = _Timm()
