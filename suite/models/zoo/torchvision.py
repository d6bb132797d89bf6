"""torchvision: its published weights, and each of its classifiers seeded without a download."""

import functools
from collections.abc import Mapping
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import (
    classifier,
    images,
    numbers,
    program,
    resized,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter


class _Torchvision:
    """``torchvision/<builder>.<weights>``, or ``torchvision/<builder>`` with seeded weights."""

    name = "torchvision"
    title = "torchvision"
    source = "torchvision 0.28.0, its classes of weights"
    exporters = (
        Exporter(
            name="torchvision",
            command="loadscope.tools.build.zoo.torch_commands:torchvision",
            does="written as a program by torch.export",
            suffix=".pt2",
            needs=("torch",),
            install="pip install 'loadscope[zoo]'",
            code=(
                "loadscope.tools.build.zoo.program",
                "loadscope.tools.build.zoo.torch_commands",
                "loadscope.tools.build.zoo.torchvision_names",
            ),
            takes=("architecture", "classes", "size", "seed"),
            origin_option="weights",
            allows=("seed", "base", "base_sha256", "base_sha256_prefix"),
            libraries=("torchvision==0.28.0",),
        ),
    )

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models, those of tasks that LoadScope has not too."""
        return {
            name: Described(
                f"torchvision/{name}",
                f"{name.partition('.')[0]} (torchvision)",
                row["task"],
                row["licence"],
                ("pytorch", "onnxruntime") if row["size"] else (),
                int(row["parameters"]),
                published=row["top1"] and f"top-1 {row['top1']} %",
            )
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A trained classifier by its full name, or a seeded one by its builder's."""
        rows = self._rows()
        trained = name in rows
        own = [each for each in rows if each.partition(".")[0] == name]
        # Seeded, an architecture has the smallest of the sizes that its weights were made for.
        smallest = min(own, key=lambda each: int(rows[each]["size"] or 0), default=None)
        found = name if trained else smallest
        if found is None:
            raise unknown(self.name, name, [*rows, *{each.partition(".")[0] for each in rows}])
        row, builder = rows[found], found.partition(".")[0]
        if not row["size"]:
            raise InputError(
                f"torchvision/{name}: LoadScope has no task {row['task']}",
                "loadscope models --family torchvision --task image-classification lists those "
                "that can be run",
            )
        size = int(row["size"])
        made = program(
            "build:torchvision",
            images(size),
            architecture=builder,
            **(weights(row["weights"]) if trained else {"seed": SEED}),
        )
        how = resized(
            size,
            int(row["short_side"]),
            row["resampler"],
            numbers(row["mean"]),
            numbers(row["std"]),
        )
        return classifier(
            f"{builder} (torchvision)",
            row["licence"] if trained else "BSD-3-Clause",
            how,
            made,
            output="logits",
            parameters=int(row["parameters"]),
            published=row["top1"],
            trained=trained,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("torchvision.csv")}


FAMILY = _Torchvision()
