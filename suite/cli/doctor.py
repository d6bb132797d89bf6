"""``loadscope doctor``: is this machine ready."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.fetch.diagnosis import diagnose

_CORE_PART_MISSING = 1


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array on standard output.")
@click.pass_context
def doctor_command(context: click.Context, as_json: bool) -> None:
    """Say what is installed, what is missing, and the command that mends it.

    Ends with status 1 if something is missing that every run needs; a framework or a data
    set that is not there is no failure.

    \b
    Example:
      loadscope doctor
    """
    findings = diagnose(Path.cwd())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        table = Table("part", "state", "found", "to mend it")
        for finding in findings:
            add_plain_row(table, finding.part, finding.status, finding.detail, finding.fix)
        print_table(table)
    if any(finding.core and finding.status != "ok" for finding in findings):
        context.exit(_CORE_PART_MISSING)
