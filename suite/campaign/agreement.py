"""Answers of a campaign's hosts held against golden files, which a trusted host has made."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError
from loadscope.files import replacing, write_text
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.part import Part
from loadscope.rundir.spec_names import model_id
from loadscope.suite.campaign.board import Board
from loadscope.suite.campaign.campaign_file import CampaignFile
from loadscope.suite.campaign.places import agreement_file, golden_folder, run_folder
from loadscope.suite.campaign.planned import Planned, PlannedRun
from loadscope.suite.golden.compare import GoldenVerdict
from loadscope.suite.golden.file import read_golden
from loadscope.suite.golden.observation import Observation
from loadscope.suite.golden.run import compare_run
from loadscope.suite.golden.thresholds import threshold


class Agreement(Part):
    """How a run's answers stand to the golden ones.

    Attributes:
        passed: Whether the threshold holds.
        samples: Samples compared.
        max_rel_diff: Largest difference over the output's magnitude; None where it is infinite or
            answers are classes alone.
        top1_agreement: Share of samples with the same first answer, in [0, 1].
        metric_delta: The run's score less the golden one, in the metric's unit, where both are.
        host: The machine that made the golden file, as ``uname -m`` has it.
        problem: Why they differ, or cannot be compared.
    """

    passed: bool
    samples: int = 0
    max_rel_diff: float | None = None
    top1_agreement: float = 0.0
    metric_delta: float | None = None
    host: str = ""
    problem: str = ""

    @property
    def text(self) -> str:
        """In words."""
        if not self.passed:
            return f"not as the golden file: {self.problem}"
        within = "" if self.max_rel_diff is None else f", within {self.max_rel_diff:.1e}"
        return f"as on {self.host}: {self.samples} samples, {self.top1_agreement:.0%} alike{within}"


def golden_files(file: CampaignFile, planned: Planned) -> dict[tuple[str, str], Path]:
    """The golden files that a campaign file names, by target and model.

    Args:
        file: The campaign file; golden files are looked for from the working directory.
        planned: Its runs.

    Raises:
        InputError: A file is none, two are of one model, or no accuracy test is of its model.
    """
    found: dict[tuple[str, str], Path] = {}
    for target in file.targets:
        tested = {
            model_id(planned.settings(run)["model"])
            for run in planned.runs
            if run.target == target.name and Mode.ACCURACY in planned.settings(run)["mode"]
        }
        for path in map(Path, target.golden.files if target.golden else ()):
            model = read_golden(path).meta["model"]["id"]
            if model not in tested:
                raise InputError(
                    f"{target.name}: golden: {path} is of {model}, of which the target has no "
                    "accuracy test",
                    f"it has them of: {', '.join(sorted(tested)) or 'no model'}",
                )
            if (target.name, model) in found:
                raise InputError(f"{target.name}: golden: two files are of {model}", "keep one")
            found[target.name, model] = path
    return found


def keep_golden(found: Mapping[tuple[str, str], Path], folder: Path) -> None:
    """Copy what ``golden_files`` has found into the folder of a campaign that starts."""
    for (target, model), path in found.items():
        with replacing(golden_folder(folder, target) / f"{model.replace('/', '-')}.npz") as part:
            part.write_bytes(path.read_bytes())


def hold_to_golden(folder: Path, file: CampaignFile, board: Board, progress: Progress) -> None:
    """Write for every finished run how it stands to the golden file of its model.

    Args:
        folder: The campaign's folder.
        file: The campaign file.
        board: How its runs stand.
        progress: Told of each run.

    Raises:
        InputError: A golden file in the folder is damaged.
        WorkError: The disk is full.
    """
    for target in file.targets:
        if target.golden is None:
            continue
        allowed = threshold(target.golden.dtype, None, None)
        paths = sorted(golden_folder(folder, target.name).glob("*.npz"))
        golden = {seen.meta["model"]["id"]: seen for seen in map(read_golden, paths)}
        for run in _finished(board, target.name):
            path = agreement_file(folder, run)
            if path.exists():
                continue
            directory = RunDirectory.open(run_folder(folder, run))
            model = directory.read().model.id
            if model not in golden or Mode.ACCURACY not in board.planned.settings(run)["mode"]:
                continue
            progress(f"{run.id} against its golden file", 0, 0)
            try:
                found = _agreement(compare_run(directory, golden[model], allowed), golden[model])
            except LoadScopeError as error:
                found = Agreement(passed=False, problem=error.message)
            write_text(path, found.model_dump_json(indent=2) + "\n")


def read_agreement(folder: Path, run: PlannedRun) -> Agreement | None:
    """What ``hold_to_golden`` has written of a run; None where it has not.

    Raises:
        InputError: The file is corrupt.
    """
    path = agreement_file(folder, run)
    try:
        return Agreement.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{path}: not readable: {type(error).__name__}",
            "remove it, then loadscope campaign collect",
        ) from error


def _finished(board: Board, target: str) -> Iterator[PlannedRun]:
    for state in board.runs.values():
        if state.status == "finished" and state.planned.target == target:
            yield state.planned


def _agreement(verdict: GoldenVerdict, golden: Observation) -> Agreement:
    told = verdict.as_dict()
    return Agreement(
        passed=verdict.passed,
        samples=verdict.samples,
        max_rel_diff=told["max_rel_diff"],
        top1_agreement=verdict.top1_agreement,
        metric_delta=told["metric_delta"],
        host=golden.meta["host"]["machine"],
        problem=""
        if verdict.passed
        else f"{verdict.cause or 'cause not known'}: {verdict.cause_detail}",
    )
