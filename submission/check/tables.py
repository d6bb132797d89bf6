"""All rules, in the order in which a tree is looked at."""

from collections.abc import Iterator
from typing import Any

from loadscope.names import Mode
from loadscope.submission.check.accuracy_rules import ACCURACY
from loadscope.submission.check.answer_rules import ANSWERS
from loadscope.submission.check.compliance_rules import COMPLIANCE
from loadscope.submission.check.figure_rules import FIGURES
from loadscope.submission.check.log_rules import LOGGED, TIMED
from loadscope.submission.check.result_rules import RESULT
from loadscope.submission.check.rule import Finding, Rule
from loadscope.submission.check.settings_rules import SETTINGS
from loadscope.submission.check.subjects import Result, Tree
from loadscope.submission.check.system_rules import BENCHMARK, SYSTEM
from loadscope.submission.check.tree_rules import SUBMITTER, TREE

RULES: tuple[Rule[Any], ...] = (
    *TREE.rules,
    *SUBMITTER.rules,
    *SYSTEM.rules,
    *BENCHMARK.rules,
    *RESULT.rules,
    *LOGGED.rules,
    *TIMED.rules,
    *SETTINGS.rules,
    *FIGURES.rules,
    *ACCURACY.rules,
    *ANSWERS.rules,
    *COMPLIANCE.rules,
)
"""Every rule; the ids are unique and stable."""


def look_at_result(result: Result) -> Iterator[Finding]:
    """What is wrong with one result."""
    yield from RESULT.look(result)
    for test in (result.performance, result.accuracy, *result.asked.values()):
        yield from LOGGED.look(test)
    # The answers of TEST06 are looked at, never its speed.
    timed = [test for test in result.asked.values() if test.role != Mode.TEST06]
    for test in (result.performance, *timed):
        for rules in (TIMED, SETTINGS, FIGURES):
            yield from rules.look(test)
    yield from ACCURACY.look(result)
    yield from ANSWERS.look(result)
    for test in result.asked.values():
        yield from COMPLIANCE.look(test)


def look_at_tree(tree: Tree) -> Iterator[Finding]:
    """What is wrong with the tree as a whole and with each submitter's folder."""
    yield from TREE.look(tree)
    for submitter in tree.submitters:
        yield from SUBMITTER.look(submitter)
