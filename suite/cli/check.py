"""``loadscope check``: does a submission pass, and if not, what mends it."""

import itertools
import json
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from loadscope.submission.check import Finding, Report
from loadscope.submission.rounds import CURRENT
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.library.submission import check

_FAILED = 1
_STYLES = {"error": "red", "warning": "yellow"}


@click.command("check")
@click.argument("tree", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--version",
    "version",
    default=CURRENT,
    show_default=True,
    metavar="ROUND",
    help="The round: its name, or the path of a YAML file that describes one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def check_command(context: click.Context, tree: Path, version: str, as_json: bool) -> None:
    """Check the submission in DIR, the folder that holds closed/ or open/.

    Looks for everything that the round's own checker refuses, and for what it lets through:
    INVALID results, errors of LoadGen, runs that were too short, figures that contradict each
    other, files that are too large.
    Ends with status 1 if there is an error; warnings do not count. docs/rules.md lists the rules.

    \b
    Example:
      loadscope check submission/ --version v6.1
    """
    with progress_bars() as progress:
        report = check(tree, version=version, progress=progress)
    if as_json:
        click.echo(json.dumps(report.record(), indent=2))
    else:
        _show(report, Console(soft_wrap=True, highlight=False))
    if not report.passed:
        context.exit(_FAILED)


def _show(report: Report, console: Console) -> None:
    def place(finding: Finding) -> str:
        parents = [path for path in report.results if f"{finding.path}/".startswith(f"{path}/")]
        return parents[0] if parents else ""

    ordered = sorted(report.findings, key=place)
    for group, findings in itertools.groupby(ordered, key=place):
        console.print(Text(group or "the tree", style="bold"))
        for _, same in itertools.groupby(findings, key=lambda one: (one.rule, one.fix)):
            _show_rule(list(same), group, console)
        console.print()
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    verdict = ("passed", "bold green") if report.passed else ("FAILED", "bold red")
    console.print(
        Text.assemble(
            verdict,
            f": {_count(len(report.results), 'result')} held to {report.round}, ",
            f"{_count(errors, 'error')}, {_count(warnings, 'warning')}",
        )
    )


def _show_rule(findings: list[Finding], group: str, console: Console) -> None:
    first = findings[0]
    console.print(Text.assemble("  ", (first.severity, _STYLES[first.severity]), f" {first.rule}"))
    for finding in findings:
        path = finding.path.removeprefix(f"{group}/") if group else finding.path
        console.print(Text(f"    {path}: {finding.message}"))
    console.print(Text(f"    fix: {first.fix}", style="dim"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
