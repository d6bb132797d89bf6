"""What a rule is, what it finds, and how a function becomes one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Severity = Literal["error", "warning"]
S = TypeVar("S")
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """Where something is not as it must be.

    Attributes:
        path: Relative to the tree, with slashes.
        found: What is there, as shown to the user.
        expected: What must be there.
    """

    path: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Rule(Generic[S]):
    """A rule over one kind of thing in a tree (``S``: a system, a result, a LoadGen test).

    Attributes:
        id: Its stable name, ``group.what``.
        severity: An error fails the check; a warning does not.
        text: What must hold.
        fix: What the user does where it does not.
        official: Whether the round's own checker has the rule too.
        look: Finds where it does not hold.
    """

    id: str
    severity: Severity
    text: str
    fix: str
    official: bool
    look: Callable[[S], Iterator[Problem]]

    def findings(self, subject: S) -> Iterator["Finding"]:
        """Look at one thing."""
        for problem in self.look(subject):
            path = "".join(c if c.isprintable() else repr(c)[1:-1] for c in problem.path) or "."
            yield Finding(self.id, self.severity, path, problem.found, problem.expected, self.fix)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold somewhere in a tree."""

    rule: str
    severity: Severity
    path: str
    found: str
    expected: str
    fix: str

    @property
    def message(self) -> str:
        """What was found and what is expected, in one line."""
        return f"{self.found}; expected {self.expected}"

    def record(self) -> dict[str, str]:
        """The finding as ``loadscope check --json`` prints it."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "message": self.message,
            "found": self.found,
            "expected": self.expected,
            "fix": self.fix,
        }


class RuleSet(Generic[S]):
    """The rules over one kind of thing, in the order in which they are looked at."""

    def __init__(self) -> None:
        self.rules: list[Rule[S]] = []

    def rule(
        self, id: str, text: str, *, fix: str, official: bool = False, severity: Severity = "error"
    ) -> Callable[[Callable[[S], Iterator[Problem]]], Callable[[S], Iterator[Problem]]]:
        """Make the function below a rule of this set."""

        def register(look: Callable[[S], Iterator[Problem]]) -> Callable[[S], Iterator[Problem]]:
            self.rules.append(Rule(id, severity, text, fix, official, look))
            return look

        return register

    def look(self, subject: S) -> Iterator[Finding]:
        """Every finding of every rule about one thing."""
        for rule in self.rules:
            yield from rule.findings(subject)


def show(value: Any) -> str:
    """A value of a file, short and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, (list, dict)):
        # Nested ones can be too deep or too long to be written out.
        return "a list" if isinstance(value, list) else "an object"
    text = value if isinstance(value, str) else repr(value)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def encodable(value: Any) -> bool:
    """Whether a value is no text, or text that UTF-8 can hold: no lone surrogate of JSON's."""
    return not isinstance(value, str) or not any("\ud800" <= one <= "\udfff" for one in value)
