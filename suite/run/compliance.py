"""Compliance tests of a run: which are needed, and what they say beside the other tests."""

from collections.abc import Iterable, Iterator, Mapping

from loadscope.datasets.registry import task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError, WorkError
from loadscope.files import write_text
from loadscope.names import Mode, Scenario
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.detail_log import DetailLog, read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.figures import invalid_reasons
from loadscope.rundir.record import (
    BenchmarkNames,
    CheckedTokens,
    ComparedAnswers,
    ComparedPerformance,
    Verification,
)
from loadscope.submission.compliance.payloads import compare, payloads_of
from loadscope.submission.compliance.performance import judge_test01, judge_test04
from loadscope.submission.compliance.tokens import judge_tokens
from loadscope.submission.package.truncate import sha256
from loadscope.submission.rounds import early_stopping_queries, load_round
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.resolve import ResolvedRun
from loadscope.suite.run.result import CompletedRun

_LOG = "mlperf_log_accuracy.json"


def tests_of(resolved: ResolvedRun) -> list[Mode]:
    """The LoadGen tests that a spec asks for, compliance tests by their names and last.

    Raises:
        InputError: The benchmark has no such test, or nothing is there to compare it with.
    """
    spec, loadgen = resolved.spec, resolved.plan.loadgen_model
    benchmark = load_round().benchmarks.get(loadgen)
    needed = [Mode(name) for name in benchmark.compliance] if benchmark else []
    tests = [mode for mode in spec.mode if mode not in (Mode.COMPLIANCE, *needed)]
    audits = [test for test in needed if test in spec.mode or Mode.COMPLIANCE in spec.mode]
    unknown = [mode for mode in tests if mode.audit]
    if unknown or (Mode.COMPLIANCE in spec.mode and not audits):
        which = ", ".join(needed) or "none"
        if resolved.model.mlperf is None:
            raise InputError(
                f"{resolved.model.id} stands for no benchmark of MLPerf, so it has no "
                "compliance tests",
                "leave --mode " + (unknown[0] if unknown else "compliance") + " out",
            )
        raise InputError(
            f"{spec.model}: '{loadgen}' has no {', '.join(unknown) or 'compliance test'} "
            f"in {load_round().round} (it has: {which})",
            "leave --mode " + (unknown[0] if unknown else "compliance") + " out",
        )
    for test in audits:
        missing = [mode for mode in test.compared_with if mode not in tests]
        if missing:
            raise InputError(
                f"{test}: {' and '.join(missing)} test not found in the run, and {test} is "
                "compared with it",
                " ".join(["add", *(f"--mode {mode}" for mode in missing)])
                + ", or add compliance to a run that has them with --resume DIR --mode compliance",
            )
    return [*tests, *audits]


def invalid_performance(run: RunDirectory) -> list[str]:
    """Why LoadGen called the performance test of a run INVALID; empty where it is VALID."""
    record = run.read()
    least = early_stopping_queries(record.round, record.scenario)
    return invalid_reasons(_log(run, Mode.PERFORMANCE), least)


def verify(run: RunDirectory, test: Mode, dataset: Dataset, progress: Progress) -> None:
    """Hold a finished compliance test against the run's other tests.

    Writes the official text files beside its logs, and the verdict into ``run.json``; a test
    that fails is marked as failed there, and its logs stay.
    """
    if test is Mode.TEST06:
        _verify_tokens(run)
        return
    reference = _log(run, Mode.PERFORMANCE)
    log = _log(run, test)
    folder = run.logs(test)
    judge = judge_test01 if test is Mode.TEST01 else judge_test04
    performance = judge(reference, log)
    write_text(folder / "verify_performance.txt", performance.text())
    speed = ComparedPerformance(
        passed=performance.passed,
        reference=performance.reference,
        score=performance.score,
        bounds=performance.bounds,
        reason=performance.reason,
    )
    answers = _verify_accuracy(run, dataset, progress) if test is Mode.TEST01 else None
    passed = speed.passed and (answers is None or answers.passed)
    found = Verification(passed=passed, performance=speed, accuracy=answers)
    parts = {"accuracy": answers, "performance": speed}
    reasons = [f"{name}: {part.reason}" for name, part in parts.items() if part and not part.passed]
    run.set_state(
        test,
        verification=found.model_dump(mode="json"),
        status="finished" if passed else "failed",
        error="; ".join(reasons) or None,
    )


def _verify_tokens(run: RunDirectory) -> None:
    """Look at the answers that TEST06 sampled; see ``judge_tokens``."""
    record, folder = run.read(), run.logs(Mode.TEST06)
    entry = Catalogue.of_run(record).get(record.model.id)
    spec = entry.artifact_for(record.spec.framework).postprocess
    found = judge_tokens(
        read_accuracy_log(folder / _LOG),
        task(record.model.task).end_tokens(spec),
        record.scenario is Scenario.OFFLINE,
    )
    write_text(folder / "verify_accuracy.txt", found.text())
    tokens = CheckedTokens(
        passed=found.passed,
        answers=found.answers,
        log_sha256=sha256(folder / _LOG),
        reason=found.reason,
    )
    run.set_state(
        Mode.TEST06,
        verification=Verification(passed=found.passed, tokens=tokens).model_dump(mode="json"),
        status="finished" if found.passed else "failed",
        error=found.reason or None,
    )


def _verify_accuracy(run: RunDirectory, dataset: Dataset, progress: Progress) -> ComparedAnswers:
    """Compare the answers; where any differs, compare the accuracy of those alone."""
    folder = run.logs(Mode.TEST01)
    reference, test = run.logs(Mode.ACCURACY) / _LOG, folder / _LOG
    progress("TEST01: comparing answers", 0, 0)
    compared = compare(payloads_of(reference), payloads_of(test))
    write_text(folder / "verify_accuracy.txt", compared.text())
    answers = ComparedAnswers(
        reference_sha256=sha256(reference),
        log_sha256=sha256(test),
        passed=compared.passed,
        compared=compared.common,
        different=compared.different,
        missing=compared.missing,
        first_different=compared.first_different,
        deterministic=compared.passed,
        reason="",
    )
    sampled = {index for index, _ in payloads_of(test)}
    if not sampled or compared.missing:
        reason = (
            f"{compared.missing} answers to samples that the accuracy test did not answer"
            if sampled
            else "no answer was sampled"
        )
        return answers.model_copy(update={"reason": reason})
    score = dataset.score(read_accuracy_log(test), progress, sampled)
    write_text(folder / "accuracy.txt", f"{score.line}\n")
    if compared.passed:
        return answers
    # The official way where a system does not answer alike twice.
    baseline = dataset.score(read_accuracy_log(reference), progress, sampled)
    write_text(folder / "baseline_accuracy.txt", f"{baseline.line}\n")
    write_text(folder / "compliance_accuracy.txt", f"{score.line}\n")
    change = abs(1 - baseline.value / score.value) * 100 if score.value else float("inf")
    limits = _limits(run.read().model.mlperf)
    limit = max(limits.values(), default=0.0)
    passed_for = tuple(name for name in limits if change <= limits[name] and baseline.value > 0)
    unit = score.metric.unit
    detail = (
        f"{compared.different} of {compared.common} answers differ ({compared.first_different})"
        f", and {score.metric.name} of these samples is {score.value:.3f} {unit} instead of "
        f"{baseline.value:.3f} {unit}, expected within {limit:g} %"
    )
    return answers.model_copy(
        update={
            "passed": bool(passed_for),
            "baseline": baseline.value,
            "score": score.value,
            "change_percent": change if score.value else None,
            "allowed_change_percent": limit,
            "passed_for": passed_for,
            "failed_for": tuple(name for name in limits if name not in passed_for),
            "reason": "" if passed_for else detail,
        }
    )


def _limits(names: BenchmarkNames | None) -> dict[str, float]:
    """By the model's folders in a submission, how far accuracy may move, percent."""
    rules = load_round()
    folders = names.submission if names else ()
    return {name: rules.accuracy_change_percent(name) for name in folders}


def _log(run: RunDirectory, mode: Mode) -> DetailLog:
    return read_detail_log(run.logs(mode) / "mlperf_log_detail.txt")


def compliance_lines(verified: Mapping[Mode, Verification]) -> Iterator[str]:
    """What the compliance tests of a result say, a line each."""
    for test, found in verified.items():
        speed, answers = found.performance, found.accuracy
        words = []
        if speed is not None:
            words.append(f"score {speed.score:.6g} against {speed.reference:.6g}")
        if found.tokens is not None:
            words.append(found.tokens.reason or f"{found.tokens.answers} answers whole")
        if answers:
            same = answers.compared - answers.different
            words.append(f"{same} of {answers.compared} answers the same")
            if found.passed and answers.failed_for:
                words.append(
                    f"but not for {', '.join(answers.failed_for)}: accuracy moves by "
                    f"{answers.change_percent:.3g} %"
                )
        yield f"{test} {'passed' if found.passed else 'FAILED'}: {', '.join(words)}"


def compliance_failure(runs: Iterable[CompletedRun]) -> WorkError | None:
    """The first compliance test that failed or could not be made, as an error; None for none."""
    for run in runs:
        for mode, state in run.result.state.items():
            if mode.audit and state.status == "failed":
                return WorkError(
                    f"{mode} failed in {run.path}: {state.error}",
                    "keep the machine free of other work and repeat it with --resume; if it fails "
                    "again, the system answers otherwise than in the other tests"
                    if state.verification
                    else "make the performance test valid in a new run: more queries, or a lower "
                    "--target-qps or a higher --server-target-latency in Server",
                )
    return None
