"""Submissions: packaged, and held to the rules of a round."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.rundir.find import find_runs
from loadscope.submission.check import Report, check_tree
from loadscope.submission.package.names import require_name
from loadscope.submission.package.package_plan import Plan, make_plan, refuse
from loadscope.submission.package.runs import read_candidate
from loadscope.submission.package.system import DescribedSystem, normal_category, read_system
from loadscope.submission.package.tree import TreeWriter
from loadscope.submission.rounds import CURRENT, Round, load_round
from loadscope.suite.library.runs import Runs, Source, run_paths


@dataclass(frozen=True)
class Draft:
    """A submission before it is written.

    Attributes:
        plan: What goes into it, what is missing, and what speaks against it.
        system: The system description.
        submitter: The submitter's name.
        rules: The round.
    """

    plan: Plan
    system: DescribedSystem
    submitter: str
    rules: Round


@dataclass(frozen=True)
class Submission:
    """A submission that has been written.

    Attributes:
        path: The folder that holds ``closed/`` or ``open/``.
        plan: What went into it.
        report: What the round's rules find in it.
        full_logs: Where the whole accuracy logs are, which are to be kept.
        traces: Where the layer traces are; None where none were given.
        rehearsal: Whether it is marked as a rehearsal.
    """

    path: Path
    plan: Plan
    report: Report
    full_logs: Path
    traces: Path | None
    rehearsal: bool


def draft(
    runs: Iterable[Path],
    division: str,
    submitter: str,
    system_file: Path,
    category: str | None = None,
) -> Draft:
    """Lay out a submission without writing anything.

    Args:
        runs: Run directories, or folders of them.
        division: ``closed`` or ``open``.
        submitter: The submitter's name in the tree.
        system_file: The system description, YAML or JSON.
        category: The system type; the description's if None.

    Raises:
        InputError: One of them cannot be used.
    """
    if division not in ("closed", "open"):
        raise InputError(
            f"the {division} division is not packaged: expected closed or open",
            "use --division closed or open",
        )
    require_name(submitter, "--submitter")
    rules = load_round(CURRENT)
    system = read_system(system_file, division, submitter, rules)
    if category is not None and normal_category(category) != system.category:
        raise InputError(
            f"--category {category}, but system_type of {system_file} is '{system.category}'",
            "correct one of them",
        )
    candidates = [read_candidate(path) for path in sorted(find_runs(runs))]
    plan = make_plan(candidates, division, system.category, rules)
    return Draft(plan, system, submitter, rules)


def write(
    planned: Draft, output: Path, rehearsal: bool, traces: Iterable[Path], progress: Progress
) -> Submission:
    """Write the tree of a submission.

    Args:
        planned: The submission.
        output: The folder to make.
        rehearsal: Whether runs below full length are taken, which marks the tree.
        traces: Traced runs whose layer traces go beside it.
        progress: Where progress goes.

    Raises:
        InputError: The plan is not complete, or something is at ``output`` already.
        WorkError: The disk is full, or the tree breaks a rule of the round.
    """
    refuse(planned.plan, rehearsal)
    given = tuple(traces)
    _require_traces(given)
    writer = TreeWriter(
        output, planned.plan, planned.system, planned.submitter, planned.rules, rehearsal, given
    )
    report = writer.write(progress)
    beside = writer.traces if given else None
    return Submission(output, planned.plan, report, writer.backup, beside, rehearsal)


def submit(
    *runs: Source | Runs,
    division: str,
    submitter: str,
    system: Path | str,
    output: Path | str,
    category: str | None = None,
    rehearsal: bool = False,
    traces: Iterable[Source | Runs] = (),
    progress: Progress = lambda *_: None,
) -> Submission:
    """Package runs as a submission that the round's checker accepts.

    Args:
        runs: Runs, or folders of run directories.
        division: ``closed`` or ``open``.
        submitter: Your name in the tree, without blanks.
        system: The system description, YAML or JSON; its name is the system's folder.
        output: The folder to make.
        category: ``edge`` or ``datacenter,edge``; the system's ``system_type`` if None.
        rehearsal: Whether to take runs below full length, which marks the tree.
        traces: Traced runs whose layer traces go beside the tree.
        progress: As of ``loadscope.run``.

    Raises:
        InputError: A run or the description cannot be used, or a run is missing.
        WorkError: The disk is full, or the tree breaks a rule of the round.
    """
    planned = draft(run_paths(runs), division, submitter, Path(system), category)
    return write(planned, Path(output), rehearsal, run_paths(traces), progress)


def check(
    tree: Path | str, *, version: str = CURRENT, progress: Progress = lambda *_: None
) -> Report:
    """Hold a submission to the rules of a round.

    Args:
        tree: The folder that holds ``closed/`` or ``open/``.
        version: The round: its name, or the path of a YAML file that describes one.
        progress: As of ``loadscope.run``.

    Returns:
        ``passed``, the ``results`` that were looked at, and the ``findings``.

    Raises:
        InputError: There is no such folder or round.
    """
    return check_tree(Path(tree), load_round(version), progress)


def _require_traces(traces: tuple[Path, ...]) -> None:
    for path in traces:
        if not (path / "trace").is_dir():
            raise InputError(f"{path} has no traces", "name a run of 'loadscope trace'")
    names = [path.resolve().name for path in traces]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two traced runs are called '{name}'", "rename one of them")
