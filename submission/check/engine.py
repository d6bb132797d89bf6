"""Looks at a whole tree and says whether it passes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.submission.check.files import Files
from loadscope.submission.check.rule import Finding
from loadscope.submission.check.subjects import Result, Tree
from loadscope.submission.check.system_rules import BENCHMARK, SYSTEM
from loadscope.submission.check.tables import look_at_result, look_at_tree
from loadscope.submission.rounds import Round


@dataclass(frozen=True)
class Report:
    """What a check of a tree found.

    Attributes:
        round: The round it was held to.
        results: Paths of the results that were looked at.
        findings: What was found, each once, in the order of the tree.
    """

    round: str
    results: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing of error severity was found."""
        return not any(finding.severity == "error" for finding in self.findings)

    def record(self) -> dict[str, Any]:
        """The report as ``loadscope check --json`` prints it."""
        return {
            "passed": self.passed,
            "round": self.round,
            "results": list(self.results),
            "findings": [finding.record() for finding in self.findings],
        }


def check_tree(
    root: Path, rules: Round, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Report:
    """Hold a tree to a round's rules.

    Args:
        root: The folder that holds ``closed/`` and ``open/``.
        rules: The round.
        progress: Called with what is done, how many results, of how many.

    Raises:
        InputError: ``root`` is not a folder that can be read.
    """
    tree = Tree(Files.walk(root), rules)
    findings = list(look_at_tree(tree))
    results: list[Result] = []
    for submitter in tree.submitters:
        if submitter.other_layout:
            continue  # submitter.layout says it; nothing else is where it would be looked for.
        for system in submitter.systems:
            findings.extend(SYSTEM.look(system))
            for benchmark in system.benchmarks:
                findings.extend(BENCHMARK.look(benchmark))
                if not benchmark.unchecked:
                    results.extend(one for one in benchmark.results if not one.unchecked)
    for done, result in enumerate(results):
        findings.extend(look_at_result(result))
        progress("checking results", done + 1, len(results))
    return Report(
        rules.round, tuple(result.path for result in results), tuple(dict.fromkeys(findings))
    )
