"""Rules over a system, its description, and which benchmarks and scenarios it has."""

import re
from collections.abc import Iterator

from loadscope.submission.check.rule import Problem, RuleSet, encodable, show
from loadscope.submission.check.subjects import SCENARIOS, Benchmark, CheckedSystem
from loadscope.submission.rounds import AS_CLOSED, CLOSED, NETWORK, SystemField

SYSTEM: RuleSet[CheckedSystem] = RuleSet()
BENCHMARK: RuleSet[Benchmark] = RuleSet()
CATEGORIES = ("edge", "datacenter", "datacenter,edge")
_WHOLE = re.compile(r"[0-9]{1,9}")
_NOTES = ("hw_notes", "sw_notes")
_NAMES = ("submitter", "division", "status", "system_type")


@SYSTEM.rule(
    "system.file",
    "systems/<system>.json describes each system with results, as a JSON object.",
    fix="make it with loadscope system",
    official=True,
)
def _file(system: CheckedSystem) -> Iterator[Problem]:
    wrong = system.described[1]
    if wrong:
        yield Problem(system.description, wrong, "a JSON object")


@SYSTEM.rule(
    "system.field-missing",
    "The description has every field of the round.",
    fix="add the field; loadscope system knows what each asks for",
    official=True,
)
def _missing(system: CheckedSystem) -> Iterator[Problem]:
    described = system.described[0]
    if described is not None:
        for name, field in _fields(system).items():
            if name not in described:
                yield Problem(system.description, f"no field '{name}'", field.asks)


@SYSTEM.rule(
    "system.field-empty",
    "A field says something where the round asks for it.",
    fix='fill it in as text; "0" and "N/A" are text, 0 and false are not',
    official=True,
)
def _empty(system: CheckedSystem) -> Iterator[Problem]:
    described = system.described[0] or {}
    for name, field in _fields(system).items():
        if name not in described:
            continue
        value = described[name]
        says = value.strip() if isinstance(value, str) else value
        if not says and not field.may_be_empty:
            found = f"{name} is {show(value) or 'empty'}"
            yield Problem(system.description, found, field.asks)


@SYSTEM.rule(
    "system.field-type",
    "A field holds text, also where it holds a number.",
    fix="put it in quotes",
    severity="warning",
)
def _type(system: CheckedSystem) -> Iterator[Problem]:
    for name, value in _no_texts(system):
        if name not in (*_NAMES, *_NOTES):
            yield Problem(system.description, f"{name} is {show(value)}", "text")


@SYSTEM.rule(
    "system.field-text",
    "Names and notes are text: the round's checker compares and joins them, and stops at others.",
    fix="put it in quotes",
    official=True,
)
def _text(system: CheckedSystem) -> Iterator[Problem]:
    for name, value in _no_texts(system):
        if name in (*_NAMES, *_NOTES):
            yield Problem(system.description, f"{name} is {show(value)}", "text")


@SYSTEM.rule(
    "system.field-unicode",
    "Text can be written as UTF-8: it has no half of a surrogate pair.",
    fix="write the character again",
    official=True,
)
def _unicode(system: CheckedSystem) -> Iterator[Problem]:
    for name, value in (system.described[0] or {}).items():
        if not encodable(name) or not encodable(value):
            found = f"{show(name)} with a lone surrogate"
            yield Problem(system.description, found, "text that UTF-8 can hold")


@SYSTEM.rule(
    "system.field-number",
    "Counts of machines and accelerators are whole numbers: results are exported per accelerator.",
    fix='write for example "1", and "0" where there is none',
    official=True,
)
def _number(system: CheckedSystem) -> Iterator[Problem]:
    described = system.described[0] or {}
    for name, field in _fields(system).items():
        value = described.get(name, "")
        if field.whole_number and value != "" and not _WHOLE.fullmatch(show(value)):
            yield Problem(system.description, f"{name} is {show(value)}", "a whole number")


@SYSTEM.rule(
    "system.status",
    "The status is available, preview or rdi.",
    fix="write the one that holds for the system",
    official=True,
)
def _status(system: CheckedSystem) -> Iterator[Problem]:
    known = system.submitter.tree.round.submission.statuses
    yield from _one_of(system, "status", known, lower=True)


@SYSTEM.rule(
    "system.type",
    "The system type is edge, datacenter, or both with a comma and no blank.",
    fix="write edge or datacenter,edge",
    official=True,
)
def _system_type(system: CheckedSystem) -> Iterator[Problem]:
    yield from _one_of(system, "system_type", (*CATEGORIES, "edge,datacenter"))


@SYSTEM.rule(
    "system.submitter",
    "The submitter in the description is the one of the folder.",
    fix="write the folder's name",
    official=True,
)
def _submitter(system: CheckedSystem) -> Iterator[Problem]:
    yield from _one_of(system, "submitter", (system.submitter.name.lower(),), lower=True)


@SYSTEM.rule(
    "system.division",
    "The division in the description is the one of the folder.",
    fix="write the folder's division",
    official=True,
)
def _division(system: CheckedSystem) -> Iterator[Problem]:
    yield from _one_of(system, "division", (system.submitter.division,), lower=True)


@SYSTEM.rule(
    "system.network",
    "A system of the closed division has no is_network: any text in it, 'false' too, asks for "
    "the network division's fields.",
    fix="remove the field is_network",
    official=True,
)
def _network(system: CheckedSystem) -> Iterator[Problem]:
    value = (system.described[0] or {}).get("is_network")
    if system.submitter.division == CLOSED and value is not None and value != "":
        yield Problem(system.description, f"is_network is {show(value)}", "no such field")


@SYSTEM.rule(
    "system.is-network",
    'Where a network\'s fields are asked for, is_network is "true".',
    fix='write is_network: "true"; in the open division without a network, remove the field',
    official=True,
)
def _is_network(system: CheckedSystem) -> Iterator[Problem]:
    value = (system.described[0] or {}).get("is_network")
    if system.networked and value is not None and show(value).lower() != "true":
        yield Problem(system.description, f"is_network is {show(value)}", "true")


@SYSTEM.rule(
    "system.network-suite",
    "The network division has the datacenter suite alone. The round's checker does not look.",
    fix="submit an edge system to the closed or the open division",
)
def _network_suite(system: CheckedSystem) -> Iterator[Problem]:
    if system.submitter.division == NETWORK and system.category == "edge":
        yield Problem(system.description, "system_type is edge", "datacenter or datacenter,edge")


@SYSTEM.rule(
    "system.power",
    "Power measurements are not checked, so a tree with some does not pass.",
    fix="check it with the round's own checker, in a tree of its own",
)
def _power(system: CheckedSystem) -> Iterator[Problem]:
    nameplate = f"{system.submitter.path}/systems/{system.name}_power.yaml"
    if nameplate in system.files.entries:
        found = "power is of the round, not checked here"
        yield Problem(nameplate, found, "the round's own checker for it")


@BENCHMARK.rule(
    "benchmark.name",
    "A benchmark's folder has a name of the round, or the open division maps it to one.",
    fix="rename the folder, or map it in model_mapping.json of the open division",
    official=True,
)
def _benchmark(benchmark: Benchmark) -> Iterator[Problem]:
    if benchmark.rules is None and not benchmark.unchecked:
        known = ", ".join(benchmark.system.submitter.tree.round.folders())
        yield Problem(benchmark.path, f"benchmark '{show(benchmark.name)}'", f"one of {known}")


@BENCHMARK.rule(
    "benchmark.not-checked",
    "Benchmarks and scenarios of the round that this suite does not measure are not checked, so a "
    "tree with them does not pass.",
    fix="check them with the round's own checker",
)
def _not_checked(benchmark: Benchmark) -> Iterator[Problem]:
    if benchmark.unchecked:
        found = f"{benchmark.name} is of the round, not checked here"
        yield Problem(benchmark.path, found, "the round's own checker for it")
        return
    for result in benchmark.results:
        if result.unchecked:
            found = f"{result.scenario} is of the round, not checked here"
            yield Problem(result.path, found, "the round's own checker for it")


@BENCHMARK.rule(
    "benchmark.scenarios",
    "In the closed division a benchmark has exactly the scenarios of the system type.",
    fix="add the missing scenario (edge may infer it from SingleStream), or remove the other",
    official=True,
)
def _scenarios(benchmark: Benchmark) -> Iterator[Problem]:
    system, rules = benchmark.system, benchmark.rules
    if (
        system.submitter.division not in AS_CLOSED
        or rules is None
        or system.category not in CATEGORIES
    ):
        return
    required = rules.categories.get(system.category)
    if required is None:
        found = f"{benchmark.name} on a system of type {system.category}"
        yield Problem(benchmark.path, found, f"type {' or '.join(rules.categories)}")
        return
    there = {result.scenario: result.path for result in benchmark.results}
    for name in required:
        if name not in there:
            yield Problem(f"{benchmark.path}/{name}", "no such scenario", "its result")
    optional = rules.optional_categories.get(system.category, ())
    for name, path in there.items():
        if name not in (*required, *optional) and name in SCENARIOS:
            yield Problem(path, f"scenario {name}", ", ".join((*required, *optional)))


@BENCHMARK.rule(
    "benchmark.scenario-name",
    "A scenario's folder has a scenario's name: SingleStream, MultiStream, Offline, Server, "
    "Interactive.",
    fix="rename the folder",
    official=True,
)
def _scenario_name(benchmark: Benchmark) -> Iterator[Problem]:
    for result in benchmark.results:
        if not result.unchecked and result.scenario not in SCENARIOS:
            found = f"scenario '{show(result.folder)}'"
            yield Problem(result.path, found, f"one of {', '.join(SCENARIOS)}")


@BENCHMARK.rule(
    "benchmark.scenario-case",
    "A scenario's folder has LoadGen's spelling.",
    fix="rename the folder; in lower case a measured result is taken for an inferred one",
    severity="warning",
)
def _scenario_case(benchmark: Benchmark) -> Iterator[Problem]:
    for result in benchmark.results:
        if result.folder != result.scenario:
            yield Problem(result.path, f"scenario '{result.folder}'", result.scenario)


def _fields(system: CheckedSystem) -> dict[str, SystemField]:
    """The fields that the system's description has to have."""
    return system.submitter.tree.round.submission.fields(system.networked)


def _no_texts(system: CheckedSystem) -> Iterator[tuple[str, object]]:
    """Fields with a value that is no text; a null is as good as an empty one."""
    described = system.described[0] or {}
    for name in _fields(system):
        value = described.get(name)
        if value is not None and not isinstance(value, str):
            yield name, value


def _one_of(
    system: CheckedSystem, name: str, known: tuple[str, ...], *, lower: bool = False
) -> Iterator[Problem]:
    described = system.described[0] or {}
    value = described.get(name, "")
    if value == "":
        return  # Missing and empty fields have rules of their own.
    text = value if isinstance(value, str) else show(value)
    if (text.lower() if lower else text) not in known:
        yield Problem(system.description, f"{name} is {show(text)}", " or ".join(known))
