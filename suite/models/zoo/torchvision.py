"""torchvision: its published weights, and each of its classifiers seeded without a download."""

import functools
from collections.abc import Mapping
from functools import partial
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import any_inputs, exported, segmenter
from loadscope.suite.models.zoo.family import Described, table
from loadscope.suite.models.zoo.networks import Network, Row, described, exporter, network

_SEGMENTATION = "semantic-segmentation"
_SMALL_CLIPS = ("mc3_18", "r2plus1d_18", "r3d_18")


class _Torchvision:
    """``torchvision/<builder>.<weights>``, or ``torchvision/<builder>`` with seeded weights."""

    name = "torchvision"
    title = "torchvision"
    source = "torchvision 0.28.0, its classes of weights"
    exporters = (exporter("torchvision", "torchvision==0.28.0"),)

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The trained models, those that cannot be exported too."""
        return {
            name: described(self.name, name, row, _frameworks(name, row))
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A trained network by its full name, or a seeded one by its builder's."""
        found = network(self.name, name, self._rows(), "BSD-3-Clause")
        return found.classifier() if found.row["size"] else _other(name, found)

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("torchvision.csv")}


def _other(name: str, found: Network) -> dict[str, Any]:
    row = found.row
    shape = _sample(found.architecture, row["task"])
    if shape is None:
        raise InputError(
            f"torchvision/{name}: LoadScope exports none of its networks of {row['task']}",
            "loadscope models --family torchvision --framework pytorch lists those that can be run",
        )
    classes = int(row["classes"])
    # A class for each pixel; one of the whole clip.
    is_map = row["task"] == _SEGMENTATION
    answer = [classes, *shape[1:]] if is_map else [classes]
    tensors: dict[str, Any] = {
        "inputs": {"images": {"dtype": "float32", "shape": list(shape)}},
        "outputs": {"logits": {"dtype": "float32", "shape": answer}},
    }
    if is_map:
        tensors["layout"] = "NCHW"
    describe = partial(segmenter, shape[-1]) if is_map else any_inputs
    return describe(
        found.title,
        found.licence,
        found.program(tensors, size=shape[-1]),
        classes=classes,
        parameters=int(row["parameters"]),
        trained=found.trained,
    )


def _frameworks(name: str, row: Row) -> tuple[str, ...]:
    builder = name.partition(".")[0]
    if row["size"]:
        return exported(builder)
    return ("pytorch", "onnxruntime") if _sample(builder, row["task"]) else ()


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
