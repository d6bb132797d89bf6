"""The submission trees that a campaign ends in, one a target."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import LoadScopeError
from loadscope.suite.campaign.campaign_file import CampaignFile, Target
from loadscope.suite.campaign.grid import read_campaign
from loadscope.suite.campaign.places import group_runs, tree_folder
from loadscope.suite.campaign.planned import Planned
from loadscope.suite.library.submission import draft, write


@dataclass(frozen=True)
class Tree:
    """One tree, or why there is none.

    Attributes:
        group: The target, or the target and the host.
        path: The tree; None where there is none.
        passed: Whether the round's rules find nothing that speaks against it.
        rehearsal: Whether it is marked as a rehearsal.
        problem: Why there is none.
        fix: What to do about it.
    """

    group: str
    path: Path | None
    passed: bool = False
    rehearsal: bool = False
    problem: str = ""
    fix: str = ""


def campaign_trees(folder: Path, progress: Progress) -> list[Tree]:
    """Make the trees of a campaign again, each held to the round's rules.

    Args:
        folder: The campaign's folder.
        progress: Where progress goes.

    Raises:
        InputError: There is no campaign in the folder.
    """
    file, board, _ = read_campaign(folder)
    return [
        _tree(folder, group, target, file.rehearsal, progress)
        for group, target in _groups(file, board.planned)
    ]


def _tree(folder: Path, group: str, target: Target, rehearsal: bool, progress: Progress) -> Tree:
    wanted = target.submission
    assert wanted is not None
    output = tree_folder(folder, group)
    try:
        planned = draft(
            [group_runs(folder, group)], wanted.division, wanted.submitter, Path(wanted.system)
        )
        for old in (output, output.with_name(f"{output.name}-full-logs")):
            shutil.rmtree(old, ignore_errors=True)
        written = write(planned, output, rehearsal, (), progress)
    except LoadScopeError as error:
        return Tree(group, None, problem=error.message, fix=error.fix)
    return Tree(group, output, written.report.passed, rehearsal)


def _groups(file: CampaignFile, planned: Planned) -> Iterator[tuple[str, Target]]:
    by_name = {target.name: target for target in file.targets}
    for group, name in dict.fromkeys((run.group, run.target) for run in planned.runs):
        if by_name[name].submission is not None:
            yield group, by_name[name]
