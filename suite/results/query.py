"""The language in which the index is asked: the same on the command line and in URLs.

A query is terms, all of which hold: ``model=resnet50 scenario=Offline,Server latency_p99_ms<5``.
Several values after a comma are any of them. ``sort=-value``, ``columns=model,value``,
``group=framework``, ``limit=20`` and ``offset=40`` say how it is shown. In a URL terms are joined
by ``&``.
"""

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote_plus

from loadscope.errors import InputError, near
from loadscope.rundir.spec import scenario_of
from loadscope.suite.results.joins import tables_of
from loadscope.suite.results.passes import (
    Condition,
    of_accuracy,
    of_facet,
    on_tests,
    runs_of_tests,
)
from loadscope.suite.results.schema import FACETS, metric_names, quoted

_TERM = re.compile(r"([a-z_][a-z0-9_-]*)(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL | re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "1", ""), ("false", "no", "0")
_SHOWN = ("sort", "columns", "group", "limit", "offset")

_MARKS = {
    "run.rehearsal != ''": "rehearsal",
    "run.warnings != ''": "noisy",
    "run.hidden": "hidden",
    "1": "unverified",
}
_TEXT = {
    "run": "run.name",
    "model": "config.model",
    "framework": "config.framework",
    "scenario": "config.scenario",
    "numerics": "config.numerics",
    "round": "config.round",
    "task": "config.task",
    "status": "run.status",
    "reason": "run.reason",
    "machine": "run.machine",
    "processor": "system.processor",
    "isa": "system.isa",
    "config": "config.digest",
    "system": "system.digest",
    "environment": "environment.digest",
    "build": "build.digest",
    "uid": "run.uid",
    "path": "run.path",
    "command": "run.command",
    "created": "run.created",
    "metric": "t.metric",
    "unit": "t.unit",
    "accuracy_metric": "accuracy.metric",
    "accuracy_unit": "accuracy.unit",
    "rehearsal": "run.rehearsal",
    "warnings": "run.warnings",
    "marks": "trim("
    + " || ".join(f"CASE WHEN {holds} THEN '{name} ' ELSE '' END" for holds, name in _MARKS.items())
    + ")",
}
_PREFIXES = ("config", "system", "environment", "build", "uid")
"""Of these the first letters are enough."""
_NUMBERS = {
    "value": "t.value",
    "accuracy": "accuracy.value",
    "target": "accuracy.target",
    "repeats": "run.repeats",
    "spread_percent": "run.spread",
}
_TRUTHS = {
    "valid": "run.status = 'valid'",
    "full-length": "config.rehearsal = 0",
    "noisy": "run.warnings != ''",
    "hidden": "run.hidden",
}
DEFAULT_COLUMNS = (
    "run", "model", "framework", "numerics", "scenario", "value", "unit", "accuracy", "status",
    "marks", "machine", "created",
)  # fmt: skip


def number_expressions() -> dict[str, str]:
    """SQL of every number that can be asked for, metrics included."""
    figures = {name: f"COALESCE(t.{quoted(name)}, a.{quoted(name)})" for name in metric_names()}
    return {**figures, **_NUMBERS}


def expressions() -> dict[str, str]:
    """SQL of every column."""
    return {**_TEXT, **number_expressions(), **_TRUTHS}


@dataclass(frozen=True)
class Term:
    """One condition: ``model=resnet50``; values are alternatives."""

    key: str
    operator: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.key}{self.operator}{','.join(self.values)}"

    @property
    def of_facet(self) -> bool:
        """Whether it is on one of the few rows that many runs share: a model, a system."""
        tables = tables_of(expressions().get(self.key, ""))
        return len(tables) == 1 and tables <= {*FACETS}


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes:
        terms: Conditions, all of which hold.
        sort: Columns, of which ``-value`` is from large to small.
        columns: What is shown; empty for the usual.
        group: Columns by which figures are put together.
        limit: How many rows at most; None for all.
        offset: How many rows are left out before the first one that is shown.
    """

    terms: tuple[Term, ...] = ()
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0

    @classmethod
    def parse(cls, words: str | Iterable[str]) -> "Query":
        """Read a query.

        Args:
            words: The terms, or a line of them as a shell would have it.

        Raises:
            InputError: An unknown key, a bad value, or no term at all.
        """
        if isinstance(words, str):
            try:
                words = shlex.split(words)
            except ValueError as error:
                raise InputError(f"query '{words}': {error}", "close the quote") from error
        query = cls()
        for word in words:
            query = query._with(word)
        return query

    @classmethod
    def from_url(cls, text: str) -> "Query":
        """Read the part of a URL behind its question mark.

        Raises:
            InputError: As of ``parse``.
        """
        return cls.parse([unquote_plus(part) for part in text.split("&") if part])

    @property
    def words(self) -> list[str]:
        """The terms, from which ``parse`` makes the same query."""
        shown = {"sort": self.sort, "columns": self.columns, "group": self.group}
        pages = {"limit": self.limit, "offset": self.offset or None}
        said = [f"{key}={','.join(names)}" for key, names in shown.items() if names]
        said += [f"{key}={count}" for key, count in pages.items() if count is not None]
        return [*(term.text for term in self.terms), *said]

    @property
    def text(self) -> str:
        """As a line for a shell."""
        return shlex.join(self.words)

    @property
    def url(self) -> str:
        """As a part of a URL."""
        return "&".join(quote(word, safe="=,<>~!-") for word in self.words)

    def asks(self, key: str) -> bool:
        """Whether a condition is on this."""
        return any(term.key == key for term in self.terms)

    def where(self, beside: bool = False) -> tuple[str, list[Any]]:
        """The conditions as SQL and its values; copies and what is hidden are left out.

        Args:
            beside: Whether tests and scores are looked into beside each run, for a statement that
                looks at few runs; else as in ``passes``.
        """
        parts, values = ["run.copy = 0"], []
        if not self.asks("hidden"):
            parts.append("run.hidden = 0")
        of_tests = []
        for part, own in self.conditions():
            if not beside and on_tests(part):
                of_tests.append((part, own))
                continue
            parts.append(of_facet(part) if beside else of_facet(of_accuracy(part)))
            values += own
        if of_tests:
            read, own = runs_of_tests(of_tests)
            parts.append(f"run.id IN ({read})")
            values += own
        return " AND ".join(parts), values

    def conditions(self) -> list[Condition]:
        """Each term as SQL, in the columns of the tables that ``joins`` joins."""
        return [_condition(term) for term in self.terms]

    def _with(self, word: str) -> "Query":
        found = _TERM.fullmatch(word)
        if found is None:
            raise InputError(
                f"'{word}' is no condition", "write for example model=resnet50 or latency_p99_ms<5"
            )
        key, operator, said = (
            found[1].lower().replace("full_length", "full-length"),
            found[2],
            found[3],
        )
        values = tuple(part.strip() for part in said.split(","))
        if key in _SHOWN and operator == "=":
            return self._shown(key, values)
        term = Term(key, operator, values)
        # What is wrong with it is said now.
        _condition(term)
        return replace(self, terms=(*self.terms, term))

    def _shown(self, key: str, values: tuple[str, ...]) -> "Query":
        if key in ("limit", "offset"):
            # SQLite counts in 64 bits, and takes no more digits of another script.
            said = ",".join(values)
            if re.fullmatch(r"[0-9]{1,15}", said) is None or (key == "limit" and not int(said)):
                raise InputError(f"{key}={said}: expected a number", f"for example {key}=20")
            count = int(said)
            return replace(self, limit=count) if key == "limit" else replace(self, offset=count)
        known = known_columns()
        for name in values:
            bare = name.removeprefix("-") if key == "sort" else name
            if bare not in known:
                raise InputError(
                    f"unknown column '{bare}'", f"{near(bare, known)}known: {', '.join(known)}"
                )
        if key == "sort":
            return replace(self, sort=values)
        return replace(self, columns=values) if key == "columns" else replace(self, group=values)


def known_columns() -> list[str]:
    """Every column that can be shown."""
    return [*dict.fromkeys((*DEFAULT_COLUMNS, *expressions()))]


def _condition(term: Term) -> Condition:
    key, numbers = term.key, number_expressions()
    if key in ("since", "until"):
        if term.operator != "=":
            raise InputError(f"{term.text}: expected {key}=DATE", f"for example {key}=2026-11-01")
        return f"run.created {'>=' if key == 'since' else '<='} ?", [_time(term)]
    if key == "machine" and term.operator in ("=", "!="):
        said = " OR ".join("run.machine = ? OR run.machine_id LIKE ?" for _ in term.values)
        values = [part for value in term.values for part in (value, f"{_like(value)}%")]
        return f"{'NOT ' if term.operator == '!=' else ''}({said})", values
    if key in _TRUTHS:
        return _truth(term)
    if key in numbers:
        return _numbers(term, numbers[key])
    if key == "marks" and term.operator in ("=", "!=", "~"):
        return _marks(term), []
    if key in _TEXT:
        return _texts(term, _TEXT[key])
    known = [*_TEXT, *numbers, *_TRUTHS, "since", "until", *_SHOWN]
    raise InputError(f"unknown condition '{key}'", f"{near(key, known)}known: {', '.join(known)}")


def _truth(term: Term) -> tuple[str, list[Any]]:
    value = term.values[0].lower()
    if term.operator != "=" or value not in (*_TRUE, *_FALSE):
        raise InputError(f"{term.text}: expected true or false", f"write {term.key}=true")
    return f"{'' if value in _TRUE else 'NOT '}({_TRUTHS[term.key]})", []


def _numbers(term: Term, expression: str) -> tuple[str, list[Any]]:
    try:
        values = [float(value) for value in term.values]
    except ValueError as error:
        raise InputError(
            f"{term.text}: expected a number", f"for example {term.key}>=10"
        ) from error
    if term.operator == "~":
        raise InputError(f"{term.text}: a number has no part", f"for example {term.key}>=10")
    joint = " AND " if term.operator == "!=" else " OR "
    return f"({joint.join(f'{expression} {term.operator} ?' for _ in values)})", values


def _texts(term: Term, expression: str) -> tuple[str, list[Any]]:
    values = list(map(_spelt(term.key), term.values))
    if term.operator == "~":
        said = " OR ".join(f"{expression} LIKE ? ESCAPE '\\'" for _ in values)
        return f"({said})", [f"%{_like(value)}%" for value in values]
    if term.key in _PREFIXES and term.operator in ("=", "!="):
        said = " OR ".join(f"{expression} LIKE ? ESCAPE '\\'" for _ in values)
        return f"{'NOT ' if term.operator == '!=' else ''}({said})", [
            f"{_like(value)}%" for value in values
        ]
    joint = " AND " if term.operator == "!=" else " OR "
    return f"({joint.join(f'{expression} {term.operator} ?' for _ in values)})", values


def _marks(term: Term) -> str:
    """A condition on marks as one on what they stand for: their texts are known beforehand."""
    said = [value.lower() for value in term.values]

    def held(names: tuple[str, ...]) -> bool:
        text = " ".join(names)
        found = any(one in text if term.operator == "~" else one == text for one in said)
        return found != (term.operator == "!=")

    def met(left: list[tuple[str, str]], names: tuple[str, ...]) -> str:
        """What has to hold of the marks that are left, beside those that a run has."""
        if not left:
            return str(int(held(names)))
        (holds, name), *others = left
        yes, no = met(others, (*names, name)), met(others, names)
        if holds == "1" or yes == no:
            return yes
        # Beside false or true less has to be asked, and a million of runs are asked it.
        with_it = holds if yes == "1" else f"{holds} AND {yes}"
        without = no if yes == "1" else f"NOT ({holds}) AND {no}"
        if yes == "0":
            return f"(NOT ({holds}))" if no == "1" else f"({without})"
        return f"({with_it})" if no == "0" else f"({with_it} OR {without})"

    asked = met([*_MARKS.items()], ())
    # SQLite finds no plan for a constant beside an index that it is told to use.
    return f"({'run.id < 0' if asked == '0' else asked})"


def _spelt(key: str) -> Callable[[str], str]:
    if key == "scenario":
        return lambda value: str(scenario_of(value) or value)
    return lambda value: value


def _like(value: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", value)


def _time(term: Term) -> str:
    try:
        return datetime.fromisoformat(term.values[0]).isoformat()
    except ValueError as error:
        raise InputError(
            f"{term.text}: expected a date", f"for example {term.key}=2026-11-01"
        ) from error
