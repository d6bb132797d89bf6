"""torchvision: its published weights, and each of its classifiers seeded without a download."""

import functools
from collections.abc import Mapping
from functools import partial
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import (
    any_inputs,
    classifier,
    images,
    numbers,
    program,
    resized,
    segmenter,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

_SEGMENTATION = "semantic-segmentation"
_SMALL_CLIPS = ("mc3_18", "r2plus1d_18", "r3d_18")


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
        """The trained models, those that cannot be exported too."""
        return {
            name: Described(
                f"torchvision/{name}",
                f"{name.partition('.')[0]} (torchvision)",
                row["task"],
                row["licence"],
                _frameworks(name, row),
                int(row["parameters"]),
                published=row["top1"] and f"top-1 {row['top1']} %",
            )
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A trained network by its full name, or a seeded one by its builder's."""
        rows = self._rows()
        trained = name in rows
        own = [each for each in rows if each.partition(".")[0] == name]
        # Seeded, an architecture has the smallest of the sizes that its weights were made for.
        smallest = min(own, key=lambda each: int(rows[each]["size"] or 0), default=None)
        found = name if trained else smallest
        if found is None:
            raise unknown(self.name, name, [*rows, *{each.partition(".")[0] for each in rows}])
        row, builder = rows[found], found.partition(".")[0]
        title = f"{builder} (torchvision)"
        licence = row["licence"] if trained else "BSD-3-Clause"
        keys = weights(row["weights"]) if trained else {"seed": SEED}
        if not row["size"]:
            return self._other(name, builder, row, title, licence, keys)
        size = int(row["size"])
        made = program("build:torchvision", images(size), architecture=builder, **keys)
        how = resized(
            size,
            int(row["short_side"]),
            row["resampler"],
            numbers(row["mean"]),
            numbers(row["std"]),
        )
        return classifier(
            title,
            licence,
            how,
            made,
            output="logits",
            parameters=int(row["parameters"]),
            published=row["top1"],
            trained=trained,
        )

    def _other(
        self,
        name: str,
        builder: str,
        row: Mapping[str, str],
        title: str,
        licence: str,
        keys: Mapping[str, Any],
    ) -> dict[str, Any]:
        shape = _sample(builder, row["task"])
        if shape is None:
            raise InputError(
                f"torchvision/{name}: LoadScope exports none of its networks of {row['task']}",
                "loadscope models --family torchvision --framework pytorch lists those that can "
                "be run",
            )
        classes = int(row["classes"])
        is_map = row["task"] == _SEGMENTATION
        # A class for each pixel; one of the whole clip.
        answer = [classes, *shape[1:]] if is_map else [classes]
        tensors: dict[str, Any] = {
            "inputs": {"images": {"dtype": "float32", "shape": list(shape)}},
            "outputs": {"logits": {"dtype": "float32", "shape": answer}},
        }
        if is_map:
            tensors["layout"] = "NCHW"
        made = program("build:torchvision", tensors, architecture=builder, size=shape[-1], **keys)
        describe = partial(segmenter, shape[-1]) if is_map else any_inputs
        return describe(
            title,
            licence,
            made,
            classes=classes,
            parameters=int(row["parameters"]),
            trained="seed" not in keys,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("torchvision.csv")}


def _frameworks(name: str, row: Mapping[str, str]) -> tuple[str, ...]:
    able = row["size"] or _sample(name.partition(".")[0], row["task"])
    return ("pytorch", "onnxruntime") if able else ()


def _sample(builder: str, task: str) -> tuple[int, ...] | None:
    """The sizes of a sample of a network that is no classifier of images; None if not exported.

    They are those of its weights' transforms, and for a clip the frames that its authors train on.
    """
    if task == _SEGMENTATION:
        return (3, 520, 520)
    if task == "video-classification":
        side = 112 if builder in _SMALL_CLIPS else 224
        return (3, 16, side, side)
    return None


FAMILY = _Torchvision()
