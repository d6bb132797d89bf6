"""Write the tree of a submission; it appears whole, by rename."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from loadscope.errors import InputError, WorkError
from loadscope.names import Mode
from loadscope.submission.check import Report, check_tree
from loadscope.submission.package.evidence import ACCURACY_LOG
from loadscope.submission.package.package_plan import Plan, PlannedResult
from loadscope.submission.package.runs import Candidate
from loadscope.submission.package.source import source_files
from loadscope.submission.package.system import DescribedSystem
from loadscope.submission.package.texts import rehearsal_readme, result_readme, summary_readme
from loadscope.submission.package.truncate import keep_whole, sha256, truncated
from loadscope.submission.package.weights import calibration, calibration_lists, measurements
from loadscope.submission.rounds import Round

_LOGS = ("mlperf_log_summary.txt", "mlperf_log_detail.txt")
_TEST01_TEXTS = ("baseline_accuracy.txt", "compliance_accuracy.txt")

Progress = Callable[[str, int, int], None]


class TreeWriter:
    """Writes one submission below a folder that takes its final name when it passes the check.

    The same runs, system and options give the same bytes.

    Args:
        output: The folder of the whole tree, which must not be there yet.
        plan: What to write.
        system: The system description.
        submitter: The submitter's folder.
        rules: The round.
        rehearsal: Whether to mark the tree as a rehearsal.
        traced: Traced runs whose traces go beside the tree.
    """

    def __init__(
        self,
        output: Path,
        plan: Plan,
        system: DescribedSystem,
        submitter: str,
        rules: Round,
        rehearsal: bool,
        traced: tuple[Path, ...] = (),
    ) -> None:
        if output.name in ("", ".."):
            raise InputError(f"--output {output} is no name for a new folder", "name a new folder")
        for entry in plan.entries:
            if output.resolve().is_relative_to(entry.run.path.resolve()):
                raise InputError(
                    f"--output {output} is in the run directory {entry.run.path}",
                    "choose another --output",
                )
        self._output, self._plan, self._system = output, plan, system
        self._submitter, self._rules, self._rehearsal = submitter, rules, rehearsal
        self._traced = traced
        self.backup = output.with_name(f"{output.name}-full-logs")
        self.traces = output.with_name(f"{output.name}-traces")
        self._partial = _partial(output)
        self._whole = output.with_name(f"{output.name}.whole")
        self._root = self._partial / plan.division / submitter
        self._documents = self._root / "documentation"
        self._hashes: dict[Path, str] = {}

    def write(self, progress: Progress) -> Report:
        """Write the tree and, beside it, the whole accuracy logs and the traces.

        Returns:
            What the round's rules find in the tree: nothing of error severity but in a rehearsal,
            which is marked with it.

        Raises:
            InputError: Something is there already.
            WorkError: A run's log is missing, the disk is full, or the tree breaks a rule of the
                round; it is then left under its partial name.
        """
        places = [self.backup, *([self.traces] if self._traced else [])]
        try:
            self._clear(places)
            self._write(progress)
            report = check_tree(self._partial, self._rules, progress)
            if self._rehearsal:
                _put(self._documents / "REHEARSAL.md", rehearsal_readme(report))
            elif not report.passed:
                raise _refused(report, self._partial)
            for run in self._traced:
                shutil.copytree(run / "trace", _partial(self.traces) / run.resolve().name)
            # The tree comes last: once it is there, all is. Its name in between says that what
            # lies beside it is its own.
            self._partial.replace(self._whole)
            for place in places:
                _partial(place).replace(place)
            self._whole.replace(self._output)
        except OSError as error:
            raise self._failed(error) from error
        return report

    def _failed(self, error: OSError) -> WorkError:
        # Of a copy that fails, the target is named second.
        path = Path(error.filename2 or error.filename or self._output)
        runs = [entry.run.path for entry in self._plan.entries]
        if any(path.is_relative_to(run) for run in runs):
            return WorkError(
                f"cannot read {path}: {error.strerror or error}", "restore it, or repeat the run"
            )
        return WorkError(
            f"cannot write {path}: {error.strerror or error}",
            "free space, or choose another --output",
        )

    def _clear(self, places: list[Path]) -> None:
        """Remove what an attempt that was ended has left, and nothing else."""
        between_renames = self._whole.exists() and not self._output.exists()
        for place in (*places, self._output):
            if between_renames and place.is_dir() and not _partial(place).exists():
                shutil.rmtree(place)
            if os.path.lexists(place):
                raise InputError(f"{place} already exists", "choose another --output")
        for left in (*map(_partial, places), self._partial, self._whole):
            if left.exists():
                shutil.rmtree(left)

    def _write(self, progress: Progress) -> None:
        root = self._root
        _put(root / "systems" / f"{self._system.name}.json", _json(self._system.fields))
        readme = summary_readme(self._plan, self._system, self._submitter, self._rehearsal)
        _put(self._documents / "README.md", readme)
        runs = [entry.run for entry in self._plan.entries]
        _put(self._documents / "calibration.md", calibration(runs))
        for name, text in calibration_lists(runs).items():
            _put(self._documents / name, text)
        if self._plan.division == "open":
            mapping = {entry.benchmark: entry.official for entry in self._plan.entries}
            _put(root / "model_mapping.json", _json(mapping))
        by_benchmark: dict[str, list[PlannedResult]] = {}
        total = len(self._plan.entries)
        for done, entry in enumerate(self._plan.entries):
            progress("packaging results", done, total)
            by_benchmark.setdefault(entry.benchmark, []).append(entry)
            self._result(root, entry)
        progress("packaging results", total, total)
        for benchmark, entries in by_benchmark.items():
            folder = root / self._rules.submission.source_folder / benchmark
            for name, text in source_files(benchmark, entries, self._system, self._rules):
                _put(folder / name, text)

    def _result(self, root: Path, entry: PlannedResult) -> None:
        folder = root / "results" / self._system.name / entry.benchmark / entry.scenario
        run = entry.run
        _put(folder / "measurements.json", measurements(run, self._rehearsal))
        _put(folder / "README.md", result_readme(entry, self._system, self._rules, self._rehearsal))
        shutil.copyfile(run.path / "user.conf", folder / "user.conf")
        _copy(run.logs("performance"), folder / "performance" / "run_1", _LOGS)
        _copy(run.logs("accuracy"), folder / "accuracy", _LOGS)
        self._accuracy(run, "accuracy", folder / "accuracy")
        if self._plan.division == "closed":
            for test in self._rules.benchmarks[run.loadgen_model].compliance:
                self._compliance(run, test, folder / test)

    def _compliance(self, run: Candidate, test: str, folder: Path) -> None:
        logs = run.logs(test)
        _copy(logs, folder / "performance" / "run_1", _LOGS)
        if test == Mode.TEST06:
            _copy(logs, folder, ("verify_accuracy.txt",))
            self._answers(logs / ACCURACY_LOG, folder / "accuracy")
            return
        _copy(logs, folder, ("verify_performance.txt",))
        if not (logs / "verify_accuracy.txt").exists():
            return
        _copy(logs, folder, ("verify_accuracy.txt",))
        self._accuracy(run, test, folder / "accuracy")
        _copy(logs, folder / "accuracy", [name for name in _TEST01_TEXTS if (logs / name).exists()])

    def _accuracy(self, run: Candidate, test: str, folder: Path) -> None:
        """The score with the whole log's hash, and the log; see ``_answers``."""
        log = run.logs(test) / ACCURACY_LOG
        if log not in self._hashes:
            self._hashes[log] = sha256(log)
        text = (run.logs(test) / "accuracy.txt").read_text(encoding="utf-8")
        _put(folder / "accuracy.txt", f"{text}hash={self._hashes[log]}\n")
        self._answers(log, folder)

    def _answers(self, log: Path, folder: Path) -> None:
        """The log's two ends, and the whole log beside the tree."""
        folder.mkdir(parents=True, exist_ok=True)
        truncated(log, folder / ACCURACY_LOG)
        keep_whole(log, _partial(self.backup) / folder.relative_to(self._partial) / ACCURACY_LOG)


def _refused(report: Report, partial: Path) -> WorkError:
    errors = [finding for finding in report.findings if finding.severity == "error"]
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return WorkError(
        f"not a submission of {report.round}: {first.path}: {first.message} ({first.rule}){more}",
        f"{first.fix}; all is told by: loadscope check {partial}",
    )


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _copy(source: Path, folder: Path, names: tuple[str, ...] | list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / name, folder / name)
