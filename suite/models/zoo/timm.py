"""timm: more than 1,200 trained image classifiers, each architecture seeded without a download."""

import functools
from collections.abc import Mapping
from typing import Any

from loadscope.suite.models.zoo.entries import (
    classifier,
    exported,
    images,
    numbers,
    program,
    resized,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

_TASK = "image-classification"


class _Timm:
    """``timm/<architecture>.<tag>`` with its weights, ``timm/<architecture>`` with seeded ones."""

    name = "timm"
    title = "timm (PyTorch image models)"
    source = "huggingface/pytorch-image-models aa4b5850, results/results-imagenet.csv"
    exporters = (
        Exporter(
            name="timm",
            command="loadscope.tools.build.zoo.torch_commands:timm",
            does="written as a program by torch.export",
            suffix=".pt2",
            needs=("torch", "safetensors", "huggingface-hub"),
            install="pip install 'loadscope[zoo]'",
            code=(
                "loadscope.tools.build.zoo.program",
                "loadscope.tools.build.zoo.torch_commands",
                "loadscope.tools.build.zoo.torchvision_names",
            ),
            takes=("architecture", "classes", "size", "seed", "settings"),
            origin_option="weights",
            allows=("seed", "base", "base_sha256", "base_sha256_prefix", "settings"),
            libraries=("timm==1.0.31",),
        ),
    )

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models."""
        return {
            name: Described(
                f"timm/{name}",
                f"{name.partition('.')[0]} (timm)",
                _TASK,
                row["licence"],
                exported(name.partition(".")[0]),
                int(row["parameters"]),
                published=row["top1"] and f"top-1 {row['top1']} %",
            )
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A trained model by its full name, or a seeded one by its architecture's."""
        rows = self._rows()
        own = [each for each in rows if each.partition(".")[0] == name]
        trained = name in rows and "." in name
        # Seeded, an architecture has the smallest of the sizes that its weights were made for.
        smallest = min(own, key=lambda each: int(rows[each]["size"] or 0), default=None)
        found = name if trained else smallest
        if found is None:
            raise unknown(self.name, name, [*rows, *{each.partition(".")[0] for each in rows}])
        row, architecture = rows[found], found.partition(".")[0]
        size = int(row["size"])
        made = program(
            "build:timm",
            images(size),
            architecture=architecture,
            **(weights(_address(row["weights"])) if trained else {"seed": SEED}),
        )
        how = resized(
            size,
            int(row["short_side"]),
            row["resampler"],
            numbers(row["mean"]),
            numbers(row["std"]),
            row["geometry"],
        )
        return classifier(
            f"{architecture} (timm)",
            row["licence"] if trained else "Apache-2.0",
            how,
            made,
            output="logits",
            parameters=int(row["parameters"]),
            published=row["top1"],
            trained=trained,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("timm.csv")}


def _address(text: str) -> str:
    return f"{text}@main#model.safetensors" if text.startswith("hub:") else text


FAMILY = _Timm()
