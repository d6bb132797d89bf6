"""What ``loadscope models`` lists: the curated models and those of all families.

Nothing is fetched, no entry is made and no library imported for it, so that more than a thousand
models are listed at once.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Literal

import yaml

from loadscope.strict_yaml import SafeLoader
from loadscope.suite.models.zoo.family import Described, table
from loadscope.suite.models.zoo.registry import readable

State = Literal["described", "runs here", "accuracy measured"]
STATES: tuple[State, ...] = ("described", "runs here", "accuracy measured")
"""From nothing but facts to a score of our own; ``docs/zoo.md`` has the runs behind them."""
MEASURED = "measured.csv"
"""The table of what LoadScope's own sample ran, a row a model and framework."""


@dataclass(frozen=True)
class Listed:
    """A model as it is listed.

    Attributes:
        model: What is known of it.
        family: Its family; empty for a curated one.
        state: What LoadScope's own runs showed of it.
        measured: The score of such a run on its whole data set; empty where there is none.
    """

    model: Described
    family: str
    state: State
    measured: str = ""

    def record(self) -> dict[str, Any]:
        """It as ``--json`` prints it."""
        own = {"family": self.family, "state": self.state, "measured": self.measured}
        return asdict(self.model) | own


@dataclass(frozen=True)
class Filter:
    """Which models are wanted; what is None or empty leaves all of them.

    Attributes:
        text: A part of the id or the title, in any case, or a pattern with ``*`` of the id.
        task: The kind of task.
        family: The family.
        framework: A framework that the entry names.
        max_parameters: The most numbers that its weights may have; a model of which that is not
            known is left out.
        licence: The licence; without it models of a licence that forbids some uses are left out.
        state: The least that LoadScope's own runs showed.
    """

    text: str | None = None
    task: str | None = None
    family: str | None = None
    framework: str | None = None
    max_parameters: int | None = None
    licence: str | None = None
    state: State | None = None

    def takes(self, listed: Listed) -> bool:
        """Whether a model is wanted."""
        model = listed.model
        if self.licence is None and listed.family and not model.permissive:
            return False
        if self.licence is not None and self.licence.casefold() != model.licence.casefold():
            return False
        if self.max_parameters is not None and (
            model.parameters is None or model.parameters > self.max_parameters
        ):
            return False
        if self.state is not None and STATES.index(listed.state) < STATES.index(self.state):
            return False
        return (
            self.task in (None, model.task)
            and self.family in (None, listed.family)
            and (self.framework is None or self.framework in model.frameworks)
            and (self.text is None or self._matches(self.text.casefold(), model))
        )

    def _matches(self, text: str, model: Described) -> bool:
        if "*" in text:
            return fnmatch.fnmatchcase(model.id.casefold(), text)
        return text in model.id.casefold() or text in model.title.casefold()


def listed(curated: Iterable[Described]) -> Iterator[Listed]:
    """All models, the curated ones first.

    Args:
        curated: The curated ones.
    """
    scores: dict[str, str] = {}
    for row in table(MEASURED):
        if not row["failure"]:
            scores[row["model"]] = scores.get(row["model"]) or row["accuracy"]

    def shown(model: Described, family: str) -> Listed:
        score = scores.get(model.id)
        if score is None:
            return Listed(model, family, "described")
        return Listed(model, family, "accuracy measured" if score else "runs here", score)

    for model in curated:
        yield shown(model, "")
    for one in readable():
        known = one.described()
        for model in known.values():
            yield shown(model, one.name)
        # Seeded models are as many as architectures: those that ran are listed.
        for full in scores:
            name, _, own = full.partition("/")
            if name == one.name and own not in known:
                yield shown(of_entry(full, one.entry(own)), name)


def built_in() -> Iterator[Described]:
    """The models of ``models.yaml``, which a test holds to the manifest's schema."""
    text = (files("loadscope") / "models.yaml").read_text(encoding="utf-8")
    for name, entry in yaml.load(text, SafeLoader)["models"].items():
        yield of_entry(name, entry)


def of_entry(name: str, entry: Mapping[str, Any]) -> Described:
    """What is listed of an entry of a manifest.

    Args:
        name: The model's id.
        entry: As it stands in the manifest.
    """
    accuracy = entry["accuracy"]
    published = accuracy.get("published")
    return Described(
        name,
        entry["title"],
        entry["task"],
        entry["licence"],
        tuple(entry["artifacts"]),
        entry.get("parameters"),
        accuracy.get("meaningful", True),
        "" if published is None else f"{accuracy['metric']} {published}",
    )
