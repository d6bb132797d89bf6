"""What a family of models is: a table of facts, and a rule that makes an entry of a row."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from loadscope.sut.exporter import Exporter

SEED = 1715
"""Of the weights of a model that has none of its own."""

PERMISSIVE = ("Apache-2.0", "MIT", "BSD-3-Clause")
"""SPDX identifiers of licences under which a model may be used for anything."""


def permissive(licence: str) -> bool:
    """Whether a licence, or several joined by AND, permits any use."""
    return all(part in PERMISSIVE for part in licence.split(" AND "))


@dataclass(frozen=True)
class Described:
    """What is known of a model before anything of it is here.

    Attributes:
        id: ``family/name``.
        title: Its name for people.
        task: Its kind of task; of those that have no ``Task`` too.
        licence: SPDX identifier of the weights' licence.
        frameworks: The frameworks that its entry names.
        parameters: How many numbers its weights have; None where that is not known.
        trained: Whether its weights were trained.
        published: Its published accuracy as ``metric value``, empty where there is none.
    """

    id: str
    title: str
    task: str
    licence: str
    frameworks: tuple[str, ...]
    parameters: int | None = None
    trained: bool = True
    published: str = ""

    @property
    def permissive(self) -> bool:
        """Whether its licence permits any use."""
        return permissive(self.licence)


class Family(Protocol):
    """Models that one rule describes."""

    @property
    def name(self) -> str:
        """What stands before the slash in the ids of its models."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def source(self) -> str:
        """Where its table comes from: the project, the commit, the file and its sha256."""

    @property
    def exporters(self) -> tuple[Exporter, ...]:
        """What makes files of its models."""

    def described(self) -> Mapping[str, Described]:
        """Its models by the name after the slash, in the order of its table."""

    def entry(self, name: str) -> dict[str, Any]:
        """The entry of one of its models, as it would stand in ``models.yaml``.

        Args:
            name: A key of ``described``, or another name that the rule takes.

        Raises:
            InputError: The family has no such model, or the model cannot be run.
        """


def table(name: str) -> list[dict[str, str]]:
    """The rows of a family's table, which lies beside this module.

    Args:
        name: The file, comma-separated with a line of names; lines that begin with # are notes.
    """
    text = (files(__package__) / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def classifiers(
    family: str, title: str, framework: str, rows: Mapping[str, Mapping[str, str]], ending: str
) -> dict[str, Described]:
    """Trained classifiers of photographs of one framework, by the name after the slash.

    Args:
        family: The family's name.
        title: What people call the collection.
        framework: The framework that its entries name.
        rows: By network; ``parameters`` is its number of weights.
        ending: What the name of a trained one ends in.
    """
    return {
        f"{name}{ending}": Described(
            f"{family}/{name}{ending}",
            f"{name} ({title})",
            "image-classification",
            "Apache-2.0",
            (framework,),
            int(row["parameters"]),
        )
        for name, row in rows.items()
    }
