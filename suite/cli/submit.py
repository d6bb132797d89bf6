"""``loadscope submit``: from run directories to the tree of a submission."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadscope.errors import InputError
from loadscope.submission.package.package_plan import Plan
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.library.submission import draft, write


@click.command("submit")
@click.option(
    "--runs",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Run directory, or a folder of them; repeat for several.",
)
@click.option(
    "--division",
    required=True,
    type=click.Choice(["closed", "open", "network"]),
    help="closed for the round's own models, open for any other.",
)
@click.option("--submitter", required=True, help="Your name in the tree, without blanks.")
@click.option(
    "--system",
    "system_file",
    required=True,
    type=click.Path(path_type=Path),
    help="System description (YAML or JSON); its name is the system's folder.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to make for the tree.")
@click.option(
    "--traces",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Traced run whose layer traces go beside the tree; repeat for several.",
)
@click.option("--category", help="edge or 'datacenter,edge'. Default: the system's system_type.")
@click.option("--rehearsal", is_flag=True, help="Take runs below full length; marks the tree.")
@click.option("--plan", "plan_only", is_flag=True, help="Only say what is there and what is not.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def submit_command(
    runs: tuple[Path, ...],
    division: str,
    submitter: str,
    system_file: Path,
    output: Path | None,
    traces: tuple[Path, ...],
    category: str | None,
    rehearsal: bool,
    plan_only: bool,
    as_json: bool,
) -> None:
    """Package run directories as a submission that the round's checker accepts.

    Each run needs a performance and an accuracy test, in the closed division compliance tests
    too. On an edge system, MultiStream and Offline may be inferred from SingleStream.

    \b
    Example:
      loadscope submit --runs runs --division open --submitter Acme \\
          --system my-system.yaml --plan
      loadscope submit --runs runs --division open --submitter Acme \\
          --system my-system.yaml --output submission
    """
    if division == "network":
        raise InputError(
            "the network division is not packaged: it has all post-processing at the SUT, and a "
            "run with --sut has it in LoadGen's process",
            "use --division open",
        )
    if output is None and not plan_only:
        raise InputError("no folder given for the tree", "name it with --output, or use --plan")
    planned = draft(runs, division, submitter, system_file, category)
    if plan_only or output is None:
        _show(planned.plan, as_json)
        return
    with progress_bars() as progress:
        written = write(planned, output, rehearsal, traces, progress)
    report = written.report
    if as_json:
        record = {"output": str(output), **_record(written.plan), "check": report.record()}
        click.echo(json.dumps(record, indent=2))
        return
    _show(written.plan, as_json=False)
    console = Console()
    if report.findings:
        rules_found = ", ".join(sorted({finding.rule for finding in report.findings}))
        _say(console, f"{report.round} finds: {rules_found}", f"see: loadscope check {output}")
    for line in (
        f"submission{' (REHEARSAL)' if rehearsal else ''}: {output}",
        f"whole accuracy logs, to be kept: {written.full_logs}",
        *([f"layer traces: {written.traces}"] if written.traces else []),
    ):
        console.print(line, soft_wrap=True, highlight=False)


def _record(plan: Plan) -> dict[str, Any]:
    return {
        "division": plan.division,
        "category": plan.category,
        "results": [
            {
                "benchmark": entry.benchmark,
                "scenario": entry.scenario,
                "run": str(entry.run.path),
                "inferred_from": entry.inferred_from,
            }
            for entry in plan.entries
        ],
        "missing": [vars(missing) for missing in plan.missing],
        "problems": [vars(problem) for problem in plan.problems],
        "left_out": list(plan.left_out),
    }


def _show(plan: Plan, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_record(plan), indent=2))
        return
    console = Console()
    table = Table(title=f"{plan.division} division, {plan.category}", title_justify="left")
    for heading in ("Benchmark", "Scenario", "From"):
        table.add_column(heading, overflow="fold")
    for entry in plan.entries:
        how = f"inferred from {entry.inferred_from}" if entry.inferred_from else "measured"
        table.add_row(entry.benchmark, entry.scenario, escape(f"{how}: {entry.run.path}"))
    console.print(table)
    for missing in plan.missing:
        kind = "missing" if missing.required else "could be measured instead of inferred"
        _say(console, f"{kind}: {missing}", missing.command)
    for why in plan.left_out:
        _say(console, f"left out: {why}", "nothing, if the other results are what you submit")
    for problem in plan.problems:
        _say(console, problem.message, problem.fix)
    hours = [missing.hours for missing in plan.missing if missing.required]
    if hours and None not in hours:
        console.print(f"still to be measured: {sum(filter(None, hours)):.1f} h", highlight=False)


def _say(console: Console, message: str, fix: str) -> None:
    console.print(escape(f"- {message}\n  fix: {fix}"), soft_wrap=True, highlight=False)
