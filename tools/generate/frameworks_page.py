"""Writes ``docs/frameworks.md`` from what each framework's ``info.py`` says.

Run with ``make docs``; a test holds the page to the frameworks. Those of other packages are left
out.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.files import write_text
from loadscope.names import Scenario
from loadscope.sut.description import description, levels_text
from loadscope.sut.registry import readable
from loadscope.tools.bench.tracing import SUM

PARITY = Path(__file__).with_name("parity.json")
"""``date``, and of the rows of ``make bench ARGS='--part parity'`` what the page shows."""
LAYERS = Path(__file__).with_name("layers.json")
"""The same of ``--part tracing``: by framework, the ratios of batches of 1 and 8, or null."""


def frameworks_page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    own = [one for one in readable() if one.answers and one.location.startswith("loadscope.")]
    found = sorted((description(one) for one in own), key=lambda one: one["title"].casefold())
    yield "# Frameworks"
    yield ""
    yield (
        "Written by `make docs` from each `sut/NAME/info.py`, and the `ran.json` beside it that "
        "`make test-frameworks` writes; edit those, not this page."
    )
    yield ""
    yield (
        "`loadscope frameworks` says the same with what is installed here. Behind a trace level "
        "stands the predict time at it against none, lowest and highest measured. *Tasks that ran* "
        "are those whose models gave the right answers here. To add one: "
        "[adding-a-framework.md](adding-a-framework.md)."
    )
    yield ""
    yield "| framework | `--framework` | formats | devices | numbers | traces | tasks that ran |"
    yield "|---|---|---|---|---|---|---|"
    for one in found:
        yield _row(
            f"[{one['title']}](#{one['name']})",
            f"`{one['name']}`",
            _listed(one["formats"]),
            _listed(one["devices"]),
            _listed(one["numerics"]),
            levels_text(one["trace_levels"]),
            _listed(one["tasks"]),
        )
    yield from _scenarios(found)
    yield from _parity({one["name"]: one["title"] for one in found})
    yield from _layers({one["name"]: one["title"] for one in found})
    for one in found:
        yield from _section(one)


def _scenarios(found: list[dict[str, Any]]) -> Iterator[str]:
    """A table of what is in the frameworks' ``ran.json``."""
    yield "\n## Scenarios that ran\n"
    yield (
        "By `make test-frameworks`, on a small trained network with one worker: VALID is LoadGen's "
        "word of a rehearsal with as many queries as its early stopping wants, and every answer "
        "was that of ONNX Runtime; *no* is anything less. *right* counts the pictures that were "
        "recognised. What is not in the table was not tried here."
    )
    yield ""
    yield f"| framework | version | model | right | {' | '.join(Scenario)} |"
    yield "|---|---|---|---|" + "---|" * len(Scenario)
    for one in found:
        if ran := one["ran"]:
            yield _row(
                one["title"],
                ran["version"],
                ran["model"],
                f"{ran['right']} of {ran['samples']}",
                *("VALID" if scenario in ran["valid"] else "no" for scenario in Scenario),
            )


def _parity(titles: dict[str, str]) -> Iterator[str]:
    """A table of the rows that ``make bench`` wrote; see ``PARITY``."""
    measured = json.loads(PARITY.read_text(encoding="utf-8"))
    rows = {(one["framework"], one["model"]): one for one in measured["rows"]}
    models = sorted({model for _, model in rows})
    yield f"\n## Parity with ONNX Runtime, as measured on {measured['date']}\n"
    yield (
        "By `make bench ARGS='--part parity'` on 32 real inputs in float32, one thread: the "
        "largest difference of any output, as a part of the largest value, which must be 1e-3 at "
        "most, and a classifier's best class the same for all 32. A figure in brackets misses; "
        "where nothing stands nothing was measured then."
    )
    yield ""
    yield f"| framework | {' | '.join(models)} |"
    yield "|---|" + "---|" * len(models)
    for name, title in titles.items():
        of_models = [rows.get((name, model)) for model in models]
        if any(of_models):
            yield _row(title, *map(_difference, of_models))


def _layers(titles: dict[str, str]) -> Iterator[str]:
    """A table of the ratios that ``make bench`` measured; see ``LAYERS``."""
    measured = json.loads(LAYERS.read_text(encoding="utf-8"))
    yield f"\n## What layers cost and sum to, as measured on {measured['date']}\n"
    yield (
        "By `make bench ARGS='--part tracing'` on ResNet-50 with seeded weights, one thread, 20 "
        "predicts with layers and 20 without in turn. *cost* is a predict with layers to one "
        "without; *sum* is all layers to the predict that they are of, wanted between 0.90 and "
        "1.05. A figure in brackets lies outside; *-* was not measured."
    )
    yield ""
    yield "| framework | cost, batch 1 | cost, batch 8 | sum, batch 1 | sum, batch 8 |"
    yield "|---|---|---|---|---|"
    for name, title in titles.items():
        if one := measured["frameworks"].get(name):
            yield _row(title, *map(_ratio, one["cost"]), *map(_sum, one["sum"]))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _sum(value: float | None) -> str:
    inside = value is None or SUM[0] <= value <= SUM[1]
    return _ratio(value) if inside else f"({_ratio(value)})"


def _difference(one: dict[str, Any] | None) -> str:
    if one is None:
        return ""
    if one["suite"] is None:
        return str(one["what"])
    figure = f"{one['suite']:.2g}"
    return figure if one["met"] else f"({figure})"


def _section(one: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {one['name']}\n"
    yield f"- {one['title']}; to install it: `{one['install']}`"
    for format, ends in one["files"].items():
        yield f"- files of `{format}`: {_listed(ends)}"
    options = (
        f"`{name}` ({', '.join(kind) if isinstance(kind, list) else kind})"
        for name, kind in one["options"].items()
    )
    if text := "; ".join(options):
        yield f"- options: {text}"
    if tool := one["quantizer"]:
        yield f"- `loadscope quantize` uses {tool['tool']}: `{tool['install']}`"
    if one["one_caller"]:
        yield "- a process must not call it from two threads, so each worker has its own"
    if one["each_shape"]:
        yield "- it prepares itself for each shape of a batch, which the warm-up meets"
    for note in one["notes"]:
        yield f"- {note}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(values: list[str]) -> str:
    return ", ".join(values)


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), frameworks_page())
