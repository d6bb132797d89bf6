"""What differs between two sets of runs besides what is compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.results import digests
from loadscope.suite.run.view import RunView

# Of these no ratio of figures says anything about the one thing that is compared.
_REFUSED = {
    "config rehearsal": "a rehearsal against full length",
    "config data_digest": "other data",
    "config samples": "other data",
    "config numerics": "other numerics",
    "config scenario": "another scenario",
    "config device": "another device",
    "config traced": "a trace against a measurement",
}


@dataclass(frozen=True)
class Difference:
    """A fact that is not the same.

    Attributes:
        name: What it is: ``build onnxruntime``.
        a, b: What both sides say; several values of a side are joined by ``|``.
    """

    name: str
    a: str
    b: str

    @property
    def refused(self) -> str:
        """Why it makes a comparison meaningless, in words; empty where it does not."""
        return _REFUSED.get(self.name, "")


def differences(a: Sequence[RunView], b: Sequence[RunView]) -> tuple[Difference, ...]:
    """All facts of configuration, system, environment and build that are not the same."""
    one, other = _facts(a), _facts(b)
    names = [*one, *(name for name in other if name not in one)]
    return tuple(
        Difference(name, one.get(name, "\N{EN DASH}"), other.get(name, "\N{EN DASH}"))
        for name in names
        if one.get(name) != other.get(name)
    )


def refusal(refused: Sequence[Difference]) -> InputError:
    """Why two sets are not compared.

    Args:
        refused: What makes it meaningless; at least one.
    """
    first, reasons = refused[0], dict.fromkeys(one.refused for one in refused)
    return InputError(
        f"{', '.join(reasons)}: {first.name} is {_short(first.a)} and {_short(first.b)}",
        "compare runs that are alike in it, or say --anyway",
    )


def _short(text: str) -> str:
    return f"{text[:12]}\N{HORIZONTAL ELLIPSIS}" if len(text) > 40 else text


def _facts(runs: Sequence[RunView]) -> dict[str, str]:
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, value in _of(run):
            found.setdefault(name, {})[value] = None
    return {name: " | ".join(values) for name, values in found.items()}


def _of(run: RunView) -> Iterator[tuple[str, str]]:
    record = run.record.model_copy(update={"rehearsal": run.rehearsal})
    for title, digest in (
        ("config", digests.config(record)),
        ("system", digests.system(record)),
        ("environment", digests.environment(record)),
        ("build", digests.build(record)),
    ):
        yield from _flat(title, digest.facts)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(f"{name} {key}", one)
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)
