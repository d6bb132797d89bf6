"""Writes ``docs/rules.md`` from the rules of ``loadscope check``.

Run with ``make docs``; a test holds the page to the rules.
"""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from loadscope.files import write_text
from loadscope.submission.check import RULES
from loadscope.submission.rounds import rounds

_GROUPS = {
    "tree": "The tree",
    "submitter": "A submitter's folder",
    "system": "A system and its description",
    "benchmark": "A benchmark on a system",
    "result": "A result's own files",
    "log": "Every LoadGen test",
    "test": "Performance and compliance runs",
    "accuracy": "The accuracy run",
    "compliance": "Compliance tests",
}


def rules_page() -> str:
    """The page, in Markdown."""
    # Placeholders such as <system> would be taken for HTML.
    return "\n".join(_lines()).replace("<", "&lt;") + "\n"


def _lines() -> Iterator[str]:
    yield "# Rules of loadscope check"
    yield ""
    yield "Written by `make docs` from `submission/check/`; edit the rules, not this page."
    yield ""
    official = sum(rule.official for rule in RULES)
    yield (
        f"{len(RULES)} rules, whose ids stay as they are. The {official} marked *round* are rules "
        "of the round's own checker too; the others are in MLPerf's rules, or guard against what "
        "that checker lets through or falls over. An error fails the check, a warning does not. "
        f"The numbers behind the rules are data: `submission/rounds/` has {', '.join(rounds())}."
    )
    for group, rules in itertools.groupby(RULES, key=lambda rule: rule.id.partition(".")[0]):
        yield f"\n## {_GROUPS[group]}\n"
        yield "| rule | severity | what must hold | to mend it |"
        yield "|---|---|---|---|"
        for rule in rules:
            severity = f"{rule.severity}, *round*" if rule.official else rule.severity
            yield " | ".join(("| `" + rule.id + "`", severity, rule.text, rule.fix + " |"))


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), rules_page())
