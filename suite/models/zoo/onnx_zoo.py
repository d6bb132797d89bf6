"""The ONNX model zoo: the validated files of onnx/models."""

import functools
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    classifier,
    resized,
)
from loadscope.suite.models.zoo.family import Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

_COMMIT = "b1eeaa1ac722dcc1cd1a8284bde34393dab61c3d"
# The networks that expect what torchvision's do, by their READMEs, of which the table has tensors.
_NORMALISED = ("mobilenet", "resnet", "shufflenet", "squeezenet", "vgg")
_SHORT_SIDE = 256


class _OnnxZoo:
    """``onnx-zoo/<file>``; the files are trained, so there are no seeded ones."""

    name = "onnx-zoo"
    title = "ONNX model zoo"
    source = f"onnx/models {_COMMIT[:8]}, ONNX_HUB_MANIFEST.json"
    exporters: tuple[Exporter, ...] = ()

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The files, those of tasks that LoadScope has not too."""
        return {
            name: Described(
                f"onnx-zoo/{name}",
                f"{row['title']}, opset {row['opset']}",
                row["task"],
                row["licence"],
                ("onnxruntime",) if _classifies(row) else (),
            )
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A classifier by its file's name without the ending."""
        rows = self._rows()
        if name not in rows:
            raise unknown(self.name, name, list(rows))
        row = rows[name]
        if not _classifies(row):
            raise InputError(
                f"onnx-zoo/{name}: LoadScope has no rule for its {row['task']}: what its inputs "
                "expect is not known",
                f"fetch {_address(row['path'])} and give an entry of your own with --models FILE",
            )
        (image, _, shape), (scores, _, classes) = _tensor(row["inputs"]), _tensor(row["outputs"])
        size = shape[-1]
        artifact: dict[str, Any] = {
            "source": f"hub:onnxmodelzoo/{name}@main#{PurePosixPath(row['path']).name}",
            "mirrors": [_address(row["path"])],
            "sha256": row["sha256"],
            "format": "onnx",
            "layout": "NCHW",
            "inputs": {image: {"dtype": "float32", "shape": shape[1:]}},
            "outputs": {scores: {"dtype": "float32", "shape": classes[1:]}},
        }
        if shape[0] > 0:
            artifact["max_batch"] = shape[0]
        if name.endswith(("-int8", "-qdq")):
            artifact["numerics"] = "int8"
        return classifier(
            f"{row['title']} (ONNX model zoo)",
            row["licence"],
            resized(size, _SHORT_SIDE, "pillow-bilinear", IMAGENET_MEAN, IMAGENET_STD),
            {"onnxruntime": artifact},
            output=scores,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("onnx-zoo.csv")}


def _classifies(row: Mapping[str, str]) -> bool:
    """Whether the rule for classifiers fits: known pixels in, a score a class out."""
    parts = PurePosixPath(row["path"]).parts
    if row["task"] != "image-classification" or not set(parts) & set(_NORMALISED):
        return False
    if "|" in row["inputs"] or "|" in row["outputs"] or not row["inputs"]:
        return False
    (_, given, shape), (_, _, classes) = _tensor(row["inputs"]), _tensor(row["outputs"])
    return given == "float" and shape[1:] == [3, 224, 224] and classes[1:] == [1000]


def _tensor(text: str) -> tuple[str, str, list[int]]:
    name, kind, sizes = text.rsplit(" ", 2)
    return name, kind, [int(size) for size in sizes.split(",") if size]


def _address(path: str) -> str:
    return f"https://media.githubusercontent.com/media/onnx/models/{_COMMIT}/validated/{path}"


FAMILY = _OnnxZoo()
