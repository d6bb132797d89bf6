"""The ONNX model zoo: the validated files of onnx/models."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.models.zoo.entries import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    any_inputs,
    classifier,
    resized,
)
from loadscope.suite.models.zoo.family import Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter
from loadscope.tensors import ANY_SIZE

_COMMIT = "b1eeaa1ac722dcc1cd1a8284bde34393dab61c3d"
# The networks that expect what torchvision's do, by their READMEs, of which the table has tensors.
_NORMALISED = ("mobilenet", "resnet", "shufflenet", "squeezenet", "vgg")
_SHORT_SIDE = 256
_DTYPES = {"float": "float32", "int64": "int64", "int32": "int32", "uint8": "uint8"}
"""numpy's name of each type of the manifest that an array can have."""


class _OnnxZoo:
    """``onnx-zoo/<file>``; the files are trained, so there are no seeded ones."""

    name = "onnx-zoo"
    title = "ONNX model zoo"
    source = f"onnx/models {_COMMIT[:8]}, ONNX_HUB_MANIFEST.json"
    exporters: tuple[Exporter, ...] = ()

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The files, those that cannot be fed by what is known of them too."""
        return {
            name: Described(
                f"onnx-zoo/{name}",
                f"{row['title']}, opset {row['opset']}",
                row["task"],
                row["licence"],
                ("onnxruntime",) if _fed(row) else (),
            )
            for name, row in self._rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A file by its name without the ending: a classifier, or one for any arrays."""
        rows = self._rows()
        if name not in rows:
            raise unknown(self.name, name, list(rows))
        row = rows[name]
        inputs, outputs = _tensors(row["inputs"]), _tensors(row["outputs"])
        if not _fed(row):
            raise InputError(
                f"onnx-zoo/{name}: its inputs have free sizes, strings or no samples: "
                f"{row['inputs'] or 'none known'}",
                f"fetch {_address(row['path'])} and give it with: loadscope run --model "
                f"./{PurePosixPath(row['path']).name} --task tensors --shape INPUT=1,…",
            )
        artifact: dict[str, Any] = {
            "source": f"hub:onnxmodelzoo/{name}@main#{PurePosixPath(row['path']).name}",
            "mirrors": [_address(row["path"])],
            "sha256": row["sha256"],
            "format": "onnx",
            "inputs": {one.name: one.sample() for one in inputs},
            "outputs": {one.name: one.sample() for one in outputs if one.batched(inputs)},
        }
        if inputs[0].sizes[0] > 0:
            artifact["max_batch"] = inputs[0].sizes[0]
        if name.endswith(("-int8", "-qdq")):
            artifact["numerics"] = "int8"
        title = f"{row['title']} (ONNX model zoo)"
        if not _classifies(row):
            return any_inputs(title, row["licence"], {"onnxruntime": artifact})
        size = inputs[0].sizes[-1]
        return classifier(
            title,
            row["licence"],
            resized(size, _SHORT_SIDE, "pillow-bilinear", IMAGENET_MEAN, IMAGENET_STD),
            {"onnxruntime": {**artifact, "layout": "NCHW"}},
            output=outputs[0].name,
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in table("onnx-zoo.csv")}


@dataclass(frozen=True)
class _Tensor:
    """An input or output as the zoo's manifest has it: sizes with the batch, -1 for any."""

    name: str
    kind: str
    sizes: tuple[int, ...]

    def sample(self) -> dict[str, Any]:
        """It in an entry, without the batch."""
        return {"dtype": _DTYPES[self.kind], "shape": list(self.sizes[1:])}

    def batched(self, inputs: Sequence["_Tensor"]) -> bool:
        """Whether its first axis is the samples, as those of the inputs are."""
        return self.kind in _DTYPES and self.sizes[:1] == inputs[0].sizes[:1]


def _fed(row: Mapping[str, str]) -> bool:
    """Whether samples can be fed by what the manifest says: numbers, of sizes that are known."""
    inputs, outputs = _tensors(row["inputs"]), _tensors(row["outputs"])
    if not inputs or inputs[0].sizes[:1] not in ((ANY_SIZE,), (1,)):
        return False
    known = all(one.batched(inputs) and ANY_SIZE not in one.sizes[1:] for one in inputs)
    return known and any(one.batched(inputs) for one in outputs)


def _classifies(row: Mapping[str, str]) -> bool:
    """Whether the rule for classifiers fits: known pixels in, a score a class out."""
    parts = PurePosixPath(row["path"]).parts
    if row["task"] != "image-classification" or not set(parts) & set(_NORMALISED):
        return False
    inputs, outputs = _tensors(row["inputs"]), _tensors(row["outputs"])
    if len(inputs) != 1 or len(outputs) != 1:
        return False
    (image,), (scores,) = inputs, outputs
    return image.kind == "float" and (image.sizes[1:], scores.sizes[1:]) == ((3, 224, 224), (1000,))


def _tensors(text: str) -> list[_Tensor]:
    found = []
    for one in filter(None, text.split(" | ")):
        name, kind, sizes = one.rsplit(" ", 2)
        found.append(_Tensor(name, kind, tuple(int(size) for size in sizes.split(",") if size)))
    return found


def _address(path: str) -> str:
    return f"https://media.githubusercontent.com/media/onnx/models/{_COMMIT}/validated/{path}"


FAMILY = _OnnxZoo()
