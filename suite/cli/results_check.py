"""``loadscope results check``: a gate for continuous integration."""

import contextlib
import functools
from pathlib import Path

import click
from rich.table import Table

from loadscope.errors import InputError, WorkError
from loadscope.suite.cli.failure import finish
from loadscope.suite.cli.results_index import index_option, the_index
from loadscope.suite.cli.results_query import cell
from loadscope.suite.cli.tables import add_plain_row, print_table
from loadscope.suite.results.chosen import chosen_runs
from loadscope.suite.results.gate import (
    Baseline,
    Held,
    baseline_of,
    hold,
    read_baseline,
    regressions,
    write_baseline,
)


class Percent(click.ParamType[float]):
    """``3%``, ``3 %`` or ``3``."""

    name = "percent"

    def convert(self, value: object, param: object, ctx: click.Context | None) -> float:
        """Read it."""
        try:
            number = float(str(value).strip().removesuffix("%"))
        except ValueError:
            self.fail(f"'{value}' is no percentage; write for example 3%", ctx=ctx)
        if not 0 <= number < 1000:
            self.fail(f"'{value}' is no percentage from 0 on", ctx=ctx)
        return number


@click.command(
    "check",
    epilog="\b\nExample:\n  loadscope results check runs/good --save baseline.json\n"
    "  loadscope results check runs/new --baseline baseline.json --max-slowdown 3%",
)
@click.argument("runs", nargs=-1, required=True, metavar="RUNS...")
@click.option(
    "--baseline", metavar="QUERY|FILE", help="Runs, a query, or a file that --save wrote."
)
@click.option(
    "--max-slowdown", type=Percent(), default="3%", show_default=True, help="Of the median."
)
@click.option(
    "--max-accuracy-loss", type=Percent(), default="1%", show_default=True, help="Of the score."
)
@click.option("--any-system", is_flag=True, help="Take a baseline of another system too.")
@click.option(
    "--save", type=click.Path(path_type=Path, dir_okay=False), help="Write RUNS as a baseline here."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@index_option
@click.pass_context
def command(
    context: click.Context,
    /,
    runs: tuple[str, ...],
    baseline: str | None,
    max_slowdown: float,
    max_accuracy_loss: float,
    any_system: bool,
    save: Path | None,
    as_json: bool,
    index_file: Path | None,
) -> None:
    """Hold RUNS (folders or queries) against a baseline; end with 1 where one is worse.

    A configuration is slower if its median is worse by more than --max-slowdown and by more than
    three robust standard deviations of the baseline. An invalid run, a missed target and a lower
    score fail too. Where no run has a baseline nothing was checked, and that fails.
    """
    if baseline is None and save is None:
        raise click.UsageError("name a --baseline, or a file to --save one to")
    with contextlib.ExitStack() as opened:
        index = functools.cache(lambda: opened.enter_context(the_index(index_file)))
        views = [view for named in runs for view in chosen_runs(named, index)]
        known = None
        if baseline is not None:
            if Path(baseline).is_file():
                known = read_baseline(Path(baseline))
            else:
                known = baseline_of(chosen_runs(baseline, index))
                _require_some(known, (baseline,))
    held: list[Held] = []
    if known is not None:
        held = hold(
            views,
            known,
            max_slowdown=max_slowdown,
            max_accuracy_loss=max_accuracy_loss,
            any_system=any_system,
        )
        if not as_json:
            _show(held)
    failure = _failure(held) if known is not None else None
    if save is not None and failure is None:
        made = baseline_of(views)
        _require_some(made, runs)
        write_baseline(save, made)
        click.echo(f"baseline: {save} ({len(made.entries)} configurations)", err=as_json)
    if as_json:
        finish({"checked": [one.model_dump(mode="json") for one in held]}, failure, context)
    elif failure is not None:
        raise failure


def _require_some(made: Baseline, runs: tuple[str, ...]) -> None:
    if not made.entries:
        raise InputError(f"{', '.join(runs)}: no valid, quiet run", "measure again")


def _failure(held: list[Held]) -> WorkError | None:
    worse = regressions(held)
    if worse:
        named = ", ".join(f"{one.name} ({one.status})" for one in worse)
        return WorkError(f"{len(worse)} of {len(held)} are worse: {named}", "see the table")
    if all(one.status in ("no baseline", "not compared") for one in held):
        return WorkError(
            "nothing was checked: no run has a baseline of what it measured",
            "see the reasons, or save one with --save",
        )
    return None


def _show(held: list[Held]) -> None:
    table = Table("run", "baseline", "now", "slower by", "allowed", "", "reason")
    for one in held:
        worse, allowed = one.slowdown_percent, one.allowed_percent
        add_plain_row(
            table,
            one.name,
            "" if one.baseline is None else f"{cell(one.baseline)} {one.unit} (n {one.n_baseline})",
            "" if one.value is None else f"{cell(one.value)} {one.unit} (n {one.n})",
            "" if worse is None else f"{worse:+.2f} %",
            "" if allowed is None else f"{allowed:.2f} %",
            one.status,
            one.reason,
        )
    print_table(table)
