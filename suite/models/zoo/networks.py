"""What timm and torchvision have in common: networks of PyTorch, each with weights by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.suite.models.zoo.entries import (
    classifier,
    images,
    numbers,
    program,
    resized,
    weights,
)
from loadscope.suite.models.zoo.family import SEED, Described
from loadscope.suite.models.zoo.registry import unknown
from loadscope.sut.exporter import Exporter

Row = Mapping[str, str]
CLASSIFIER = "image-classification"


def exporter(
    name: str, library: str, needs: Iterable[str] = (), settings: Iterable[str] = ()
) -> Exporter:
    """What writes programs of a library's networks.

    Args:
        name: Its name, and that of its command.
        library: The requirement that brings the library.
        needs: What it takes of the environment beside PyTorch.
        settings: Keys of an artifact that it takes beside the usual ones.
    """
    return Exporter(
        name=name,
        command=f"loadscope.tools.build.zoo.torch_commands:{name}",
        does="written as a program by torch.export",
        suffix=".pt2",
        needs=("torch", *needs),
        install="pip install 'loadscope[zoo]'",
        code=(
            "loadscope.tools.build.zoo.program",
            "loadscope.tools.build.zoo.torch_commands",
            "loadscope.tools.build.zoo.torchvision_names",
        ),
        takes=("architecture", "classes", "size", "seed", *settings),
        origin_option="weights",
        allows=("seed", "base", "base_sha256", "base_sha256_prefix", *settings),
        libraries=(library,),
    )


def described(family: str, name: str, row: Row, frameworks: tuple[str, ...]) -> Described:
    """What a row of a family's table says of a trained network."""
    return Described(
        f"{family}/{name}",
        f"{name.partition('.')[0]} ({family})",
        row.get("task", CLASSIFIER),
        row["licence"],
        frameworks,
        int(row["parameters"]),
        published=row["top1"] and f"top-1 {row['top1']} %",
    )


@dataclass(frozen=True)
class Network:
    """A network that was asked for.

    Attributes:
        family: The family's name.
        architecture: What the library calls it.
        row: Of its weights, or where they are seeded of the smallest input of those there are.
        trained: Whether it has the weights of the row.
        licence: SPDX identifier.
    """

    family: str
    architecture: str
    row: Row
    trained: bool
    licence: str

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.architecture} ({self.family})"

    def program(self, tensors: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
        """Its artifacts; see ``entries.program``."""
        origin = weights(_address(self.row["weights"])) if self.trained else {"seed": SEED}
        source = f"build:{self.family}"
        return program(source, tensors, architecture=self.architecture, **keys, **origin)

    def classifier(self) -> dict[str, Any]:
        """Its entry, where the row says what is done to an image."""
        row, size = self.row, int(self.row["size"])
        how = resized(
            size,
            int(row["short_side"]),
            row["resampler"],
            numbers(row["mean"]),
            numbers(row["std"]),
            row.get("geometry", "resize-then-crop"),
        )
        return classifier(
            self.title,
            self.licence,
            how,
            self.program(images(size)),
            output="logits",
            parameters=int(row["parameters"]),
            published=row["top1"],
            trained=self.trained,
        )


def network(family: str, name: str, rows: Mapping[str, Row], own_licence: str) -> Network:
    """A trained network by its full name, or a seeded one by its architecture's.

    Args:
        family: The family's name.
        name: What was asked for, without the family.
        rows: The family's table, by ``<architecture>.<weights>``.
        own_licence: Of the library, and so of a network without its weights.

    Raises:
        InputError: There is neither.
    """
    trained = name in rows
    found: str | None = name
    if not trained:
        own = [each for each in rows if each.partition(".")[0] == name]
        # Seeded, an architecture has the smallest of the sizes that its weights were made for.
        found = min(own, key=lambda each: int(rows[each]["size"] or 0), default=None)
    if found is None:
        raise unknown(family, name, [*rows, *{each.partition(".")[0] for each in rows}])
    row = rows[found]
    licence = row["licence"] if trained else own_licence
    return Network(family, found.partition(".")[0], row, trained, licence)


def _address(text: str) -> str:
    return f"{text}@main#model.safetensors" if text.startswith("hub:") else text
