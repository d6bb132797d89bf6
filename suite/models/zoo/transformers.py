"""transformers: networks by the name of their class, with seeded weights.

Those of the hub, with their own weights, are added by ``suite/fetch/transformers_family.py``.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from loadscope.suite.models.zoo.entries import classifier, images, program, reader, resized
from loadscope.suite.models.zoo.family import SEED, Described, table
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

_HALF = (127.5, 127.5, 127.5)
_SPANS = ("start_logits", "end_logits")
_LICENCE = "Apache-2.0"


class Transformers:
    """``transformers/<class>``, and some of them ``.tiny``."""

    name = "transformers"
    title = "transformers"
    source = "transformers 5.23.0, its classes and their configurations"
    exporters = (
        Exporter(
            name="transformers",
            command="loadscope.tools.build.zoo.torch_commands:transformers",
            does="written as a program by torch.export",
            suffix=".pt2",
            needs=("torch", "safetensors", "huggingface-hub", "tokenizers"),
            install="pip install 'loadscope[zoo]'",
            code=(
                "loadscope.tools.build.zoo.program",
                "loadscope.tools.build.zoo.torch_commands",
                "loadscope.tools.build.zoo.torchvision_names",
            ),
            takes=(
                "architecture", "classes", "size", "seed", "settings", "input-name",
                "output-name",
            ),
            origin_option="weights",
            allows=("seed", "base", "base_sha256", "base_sha256_prefix", "settings"),
            libraries=("transformers==5.23.0", "regex==2026.11.19"),
        ),
    )  # fmt: skip

    @functools.cache  # noqa: B019 (there is one of it)
    def described(self) -> Mapping[str, Described]:
        """The networks, none of them trained."""
        return {
            name: Described(
                f"transformers/{name}",
                f"{name} (transformers)",
                row["task"],
                _LICENCE,
                ("pytorch", "onnxruntime"),
                int(row["parameters"]),
                trained=False,
            )
            for name, row in self.rows().items()
        }

    def entry(self, name: str) -> dict[str, Any]:
        """A seeded network by its class."""
        rows = self.rows()
        if name not in rows:
            raise unknown(self.name, name, list(rows))
        row = rows[name]
        title, count = f"{name} (transformers)", int(row["parameters"])
        keys = {
            "architecture": name.partition(".")[0],
            "seed": SEED,
            "settings": json.loads(row["settings"] or "{}"),
        }
        if row["task"] == "question-answering":
            tensors = {
                "inputs": {one: {"dtype": "int64", "shape": [-1]} for one in row["inputs"].split()},
                "outputs": {one: {"dtype": "float32", "shape": [-1]} for one in _SPANS},
            }
            made = program("build:transformers", tensors, **keys)
            return reader(title, _LICENCE, made, _SPANS, count)
        size = int(row["size"])
        made = program("build:transformers", images(size, "pixel_values"), **keys)
        how = resized(size, size, "pillow-bicubic", _HALF, _HALF)
        return classifier(
            title, _LICENCE, how, made, output="logits", parameters=count, trained=False
        )

    @functools.cache  # noqa: B019 (there is one of it)
    def rows(self) -> dict[str, dict[str, str]]:
        """The table by name."""
        return {row["name"]: row for row in table("transformers.csv")}
