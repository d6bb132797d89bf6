"""What the sample ran: the rows of ``measured.csv``, and the page that is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import loadscope
from loadscope.files import replacing
from loadscope.suite.models.listing import MEASURED
from loadscope.suite.models.zoo.family import table
from loadscope.suite.models.zoo.registry import families, family
from loadscope.tools.generate.zoo.tables import write_table

Pair = tuple[str, str]
"""The id of a model, and a framework."""


@dataclass(frozen=True)
class Row:
    """What became of a model in one framework.

    Attributes:
        model: Its id.
        framework: The framework.
        parameters: How many numbers its weights have.
        rate: Samples a second in Offline, None where it did not run.
        layers: How many layers the trace told.
        slowest: The kind of layer that took most of the time, and its share of the layers' time.
        accuracy: Its score on the whole of its data set; empty where it was not scored so.
        failure: Why it did not run; empty where it did.
    """

    model: str
    framework: str
    parameters: int | None = None
    rate: float | None = None
    layers: int = 0
    slowest: str = ""
    accuracy: str = ""
    failure: str = ""


def read_rows() -> dict[Pair, Row]:
    """The rows that there are."""
    found = (
        Row(
            row["model"],
            row["framework"],
            int(row["parameters"]) if row["parameters"] else None,
            float(row["rate"]) if row["rate"] else None,
            int(row["layers"]),
            row["slowest"],
            row["accuracy"],
            row["failure"],
        )
        for row in table(MEASURED)
    )
    return {(row.model, row.framework): row for row in found}


def write_rows(rows: Mapping[Pair, Row], asked: Sequence[Pair], path: Path) -> None:
    """Write the rows of what is asked, in its order; after notes of where they come from.

    Args:
        rows: What became of each.
        asked: What is to be run.
        path: The table.
    """
    listed = [asdict(rows[pair]) for pair in asked if pair in rows]
    notes = ["What LoadScope's own sample ran. Made by: make zoo"]
    write_table(path, notes, listed, [one.name for one in fields(Row)])


def write_page(rows: Mapping[Pair, Row], asked: Sequence[Pair], page: Path) -> None:
    """Write ``docs/zoo.md``.

    Args:
        rows: What became of each.
        asked: What is to be run.
        page: The page.
    """
    known = [rows[pair] for pair in asked if pair in rows]
    ran = [row for row in known if row.rate is not None]
    models = {row.model for row in ran}
    text = [
        "# Models: what is described, and what ran here",
        "",
        "`make zoo` wrote this page; do not edit it. A family describes models by a rule and a",
        "table; see [models of families](families.md). 'Described' claims no more than what the",
        "table says. A model that 'runs here' was exported or loaded, measured in Offline for 2 s",
        "and traced once, on the machine that made this page. One whose accuracy was measured was",
        "scored on every sample of its data set. The others' weights are seeded, so they have no",
        "accuracy. The rates are of a shared machine without a quiet host's checks: no results.",
        "",
        f"LoadScope {loadscope.__version__}; {len(models)} of "
        f"{len({model for model, _ in asked})} models ran, {len(ran)} rows of {len(asked)}; "
        f"{len(asked) - len(known)} rows are still to be run.",
        "",
        "| family | described | licence permits any use | of these run here | on ONNX Runtime |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in families():
        own = family(name).described().values()
        free = sum(one.permissive for one in own)
        ours = {row.model for row in ran if row.model.startswith(f"{name}/")}
        exported = {row.model for row in ran if row.framework == "onnxruntime"} & ours
        text.append(f"| {name} | {len(own):,} | {free:,} | {len(ours)} | {len(exported)} |")
    scored = [row for row in ran if row.accuracy]
    if scored:
        text += ["", "| model | framework | accuracy measured |", "|---|---|---|"]
        text += [f"| {row.model} | {row.framework} | {row.accuracy} |" for row in scored]
    text += [
        "",
        "| model | framework | parameters | samples/s | layers | most of the time |",
        "|---|---|---:|---:|---:|---|",
    ]
    text += [
        f"| {row.model} | {row.framework} | {_millions(row.parameters)} | "
        f"{row.rate:.4g} | {row.layers} | {row.slowest} |"
        for row in ran
    ]
    failed = [row for row in known if row.failure]
    if failed:
        text += ["", "Did not run here:", ""]
        text += [f"- {row.model}, {row.framework}: {row.failure}" for row in failed]
    with replacing(page) as temporary:
        temporary.write_text("\n".join([*text, ""]), encoding="utf-8")


def _millions(parameters: int | None) -> str:
    return "-" if parameters is None else f"{parameters / 1e6:.2f} M"
