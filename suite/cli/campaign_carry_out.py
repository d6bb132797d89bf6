"""What start and resume have in common: carry a campaign out, tell of it, and make the trees."""

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import click

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.suite.campaign.agreement import hold_to_golden
from loadscope.suite.campaign.dispatcher import Dispatcher
from loadscope.suite.campaign.grid import Grid, read_grid
from loadscope.suite.campaign.journal import Event
from loadscope.suite.campaign.opened import (
    Opened,
    reached,
    require_hosts,
    start_workers,
)
from loadscope.suite.cli.failure import Interrupted, finish
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.library.campaign_trees import Tree, campaign_trees
from loadscope.units import milliseconds

_LONGEST_WAIT = 30 * 24 * 3600.0


def wait_seconds(text: str) -> float:
    """What ``--wait`` says.

    Raises:
        InputError: It is no time, or longer than anybody waits.
    """
    try:
        seconds = milliseconds(text) / 1e3
    except ValueError as error:
        raise InputError(f"--wait: {error}", "for example --wait 10min") from error
    if seconds > _LONGEST_WAIT:
        raise InputError(f"--wait: expected 30 days at most, got '{text}'", "wait for less")
    return seconds


def carry_out(campaign: Opened, wait_s: float, ssh: bool = False) -> list[Tree]:
    """Carry a campaign out and make its trees, telling of every event on standard error.

    Args:
        campaign: The campaign.
        wait_s: How long to wait for hosts that do not answer before anything runs.
        ssh: Whether to start their workers.

    Raises:
        InputError: A host is not what the campaign wants.
        WorkError: No host answers, or a file cannot be written here.
    """
    telling = Telling(len(campaign.board.runs), campaign.board.left)
    try:
        with reached(campaign.folder, campaign.file) as dispatcher:
            if ssh:
                for host in start_workers(campaign.folder, campaign.file):
                    click.echo(f"{host}: worker started by ssh", err=True)
            _wait_for_hosts(campaign, dispatcher, wait_s)
            campaign.carry_out(dispatcher, telling)
    except KeyboardInterrupt as error:
        # What runs on the hosts goes on there.
        raise Interrupted(f"loadscope campaign resume {shlex.quote(str(campaign.folder))}") from (
            error
        )
    return finish_up(campaign)


def finish_up(campaign: Opened) -> list[Tree]:
    """Hold what has come to the golden files, and make the trees.

    Raises:
        InputError: A golden file in the campaign's folder is damaged.
        WorkError: A file cannot be written here.
    """
    with progress_bars() as progress:
        hold_to_golden(campaign.folder, campaign.file, campaign.board, progress)
        return campaign_trees(campaign.folder, progress)


def _wait_for_hosts(campaign: Opened, dispatcher: Dispatcher, wait_s: float) -> None:
    if not campaign.board.left:
        return
    board = campaign.board
    hosts = [host for host in campaign.file.hosts if board.has_work(host)]
    for host in require_hosts(dispatcher, campaign.file, hosts, wait_s):
        click.echo(f"{host}: does not answer; its tests wait until it does", err=True)


class Telling:
    """A line on standard error for everything that happens.

    Args:
        runs: How many there are.
        left: How many of them are not final.
    """

    def __init__(self, runs: int, left: int) -> None:
        self._runs, self._done = runs, runs - left

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        if event.kind in _LINES:
            line = _LINES[event.kind](self, event)
            click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)

    def assigned(self, event: Event) -> str:
        """A job begins."""
        again = f" (try {event.try_})" if event.try_ > 1 else ""
        return f"{event.host}: {event.run}{again}"

    def ended(self, event: Event) -> str:
        """A job has ended."""
        outcome = event.outcome
        if outcome is None:
            return f"{event.run}: {event.reason}"
        if outcome.status == "finished":
            self._done += 1
            return f"{event.run}: finished; {self._done} of {self._runs}"
        reasons = "; ".join(outcome.reasons) or outcome.message
        return f"{event.run}: {outcome.status.upper()}: {reasons}"

    def condition(self, event: Event) -> str:
        """A host's condition has changed."""
        return f"{event.host}: {event.condition}" + (f": {event.reason}" if event.reason else "")

    def reassigned(self, event: Event) -> str:
        """A run is for another host."""
        return f"{event.run}: for another host: {event.reason}"


_LINES: dict[str, Callable[[Telling, Event], str]] = {
    "assigned": Telling.assigned,
    "ended": Telling.ended,
    "host": Telling.condition,
    "reassigned": Telling.reassigned,
}


def conclude(folder: Path, trees: list[Tree], as_json: bool, context: click.Context) -> None:
    """Show what a campaign has come to, and end with a status that says whether all is well."""
    grid = read_grid(folder)
    failure = _failure(folder, grid, trees)
    if as_json:
        told = [
            {
                "group": tree.group,
                "path": str(tree.path) if tree.path else None,
                "passed": tree.passed,
                "rehearsal": tree.rehearsal,
                "problem": tree.problem,
            }
            for tree in trees
        ]
        finish(
            {"folder": str(folder), **grid.model_dump(mode="json"), "trees": told}, failure, context
        )
        return
    counts = ", ".join(f"{number} {status}" for status, number in grid.counts.items())
    click.echo(f"{folder}: {counts}; {grid.retries} tries were repeats")
    for cell in grid.cells:
        if cell.status in ("failed", "invalid"):
            click.echo(f"{cell.run}: {cell.status.upper()}: {cell.reason}")
        if cell.agreement is not None:
            click.echo(f"{cell.run}: {cell.agreement.text}")
    for tree in trees:
        if tree.path is None:
            click.echo(f"{tree.group}: no tree: {LoadScopeError(tree.problem, tree.fix)}")
        else:
            marked = " (REHEARSAL)" if tree.rehearsal else ""
            found = "" if tree.passed else "; the round's rules find faults: loadscope check"
            click.echo(f"{tree.group}: submission{marked}: {tree.path}{found}")
    if failure is not None:
        raise failure


def _failure(folder: Path, grid: Grid, trees: list[Tree]) -> WorkError | None:
    bad = [cell for cell in grid.cells if cell.status in ("failed", "invalid")]
    made = bool(trees) and all(tree.path for tree in trees)
    # A rehearsal is there to see the whole way: a test that fails on it is told above.
    if bad and not (grid.rehearsal and made):
        first = bad[0]
        return WorkError(
            f"{len(bad)} of {len(grid.cells)} runs did not finish; {first.run}: {first.reason}",
            f"see loadscope campaign status {folder}",
        )
    unlike = [cell for cell in grid.cells if cell.agreement and not cell.agreement.passed]
    if unlike:
        first = unlike[0]
        problem = first.agreement.problem if first.agreement else ""
        return WorkError(
            f"{len(unlike)} runs do not answer as their golden file; {first.run}: {problem}",
            "loadscope validate there with --model says in which layer",
        )
    if grid.cancelled:
        return WorkError("cancelled", f"go on with loadscope campaign resume {folder}")
    if any(tree.path is None for tree in trees):
        return WorkError(
            "a submission tree could not be made", f"then loadscope campaign collect {folder}"
        )
    return None


def show_json(grid: Grid) -> None:
    """Print a campaign as one JSON object."""
    click.echo(json.dumps(grid.model_dump(mode="json"), indent=2))
