"""Whether what a run says of itself is what its logs say."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from loadscope.errors import LoadScopeError
from loadscope.names import Mode
from loadscope.rundir.detail_log import read_detail_log
from loadscope.submission.compliance.payloads import compare, payloads_of
from loadscope.submission.compliance.performance import judge_test01, judge_test04
from loadscope.submission.package.runs import Candidate, RunProblem
from loadscope.submission.package.truncate import sha256

ACCURACY_LOG = "mlperf_log_accuracy.json"
_DETAIL = "mlperf_log_detail.txt"
_FIGURES = {
    "performance": (("valid",), ("metric", "value"), ("samples_per_second",)),
    "accuracy": (("accuracy", "value"),),
}
"""What ``result.json`` tells of each test."""


def unborne(run: Candidate, tests: Iterable[str]) -> Iterator[RunProblem]:
    """What a run says that its logs do not bear out.

    A log that was exchanged, edited or cut after its test was judged is found by its digest, or
    because another verdict comes of it.

    Args:
        run: The run.
        tests: The tests to look at, compliance tests only if they were verified.
    """
    looks = {
        "performance": _performance,
        "accuracy": _accuracy,
        "TEST01": _test01,
        "TEST06": _test06,
    }
    yield from _figures(run)
    for test in tests:
        try:
            yield from _changed(run, test)
            yield from looks.get(test, _verification)(run, test)
        except LoadScopeError as error:
            yield RunProblem(error.message, error.fix)
        except OSError as error:
            yield RunProblem(f"cannot read {error.filename}: {error.strerror}", _again(run))
        except UnicodeDecodeError:
            yield RunProblem(f"{run.logs(test)}: a verdict there is not UTF-8 text", _again(run))


def _figures(run: Candidate) -> Iterator[RunProblem]:
    told = [path for test, paths in _FIGURES.items() if test in run.finished for path in paths]
    for path in told if run.noted else ():
        said, found = _at(run.noted, path), _at(run.result, path)
        if said != found:
            yield _differs(run, "result.json", ".".join(path), said, found)


def _changed(run: Candidate, test: str) -> Iterator[RunProblem]:
    """Logs that are not what they were when the test ended, where that was noted."""
    for name, digest in run.record.of(Mode(test)).sha256.items():
        log = run.logs(test) / name
        if not log.is_file() or sha256(log) != digest:
            how = "is not what" if log.is_file() else "is missing, which"
            yield RunProblem(
                f"{log} {how} the test has written", "restore the run's files, or repeat the run"
            )


def _performance(run: Candidate, test: str) -> Iterator[RunProblem]:
    """What was noted when the test ended, against its log."""
    state = run.record.of(Mode(test))
    for key, path in (("valid", ("valid",)), ("value", ("metric", "value"))):
        said, found = getattr(state, key), _at(run.result, path)
        if said is not None and said != found:
            yield _differs(run, "run.json", key, said, found)


def _accuracy(run: Candidate, test: str) -> Iterator[RunProblem]:
    folder = run.logs(test)
    score = run.result.accuracy
    if score is None or score.log_sha256 is None or score.line is None:
        yield RunProblem(
            f"{folder / 'score.json'}: does not say which log was scored; an earlier version of "
            "loadscope wrote it",
            _again(run),
        )
        return
    found = sha256(folder / ACCURACY_LOG)
    if found != score.log_sha256:
        yield RunProblem(
            f"{folder / ACCURACY_LOG} is not the log that was scored: sha256 {found[:12]}…, the "
            f"scored one had {score.log_sha256[:12]}…",
            f"restore it, or {_again(run)}",
        )
    if (folder / "accuracy.txt").read_text(encoding="utf-8") != f"{score.line}\n":
        yield RunProblem(
            f"{folder / 'accuracy.txt'} is not the score of score.json: {score.line}",
            _again(run),
        )


def _verification(run: Candidate, test: str) -> Iterator[RunProblem]:
    """The verdict on a compliance test's speed, had from the logs again."""
    judge = judge_test01 if test == Mode.TEST01 else judge_test04
    performance, own = (read_detail_log(run.logs(name) / _DETAIL) for name in ("performance", test))
    yield from _verdict(run, test, "verify_performance.txt", judge(performance, own).text())


def _test01(run: Candidate, test: str) -> Iterator[RunProblem]:
    """The verdict on its answers, too; the accuracies belong to the logs that were scored."""
    yield from _verification(run, test)
    logs = [run.logs(name) / ACCURACY_LOG for name in ("accuracy", test)]
    compared = compare(*map(payloads_of, logs))
    yield from _verdict(run, test, "verify_accuracy.txt", compared.text())
    verified = run.record.of(Mode(test)).verification
    said = verified.accuracy if verified else None
    digests = (said.reference_sha256, said.log_sha256) if said else (None, None)
    for digest, log in zip(digests, logs, strict=True):
        if digest != sha256(log):
            yield RunProblem(f"{log} is not the log that {test} was verified with", _again(run))


def _test06(run: Candidate, test: str) -> Iterator[RunProblem]:
    """That the answers are those that were looked at, and the text says so."""
    log = run.logs(test) / ACCURACY_LOG
    verified = run.record.of(Mode(test)).verification
    said = verified.tokens if verified else None
    if said is None or said.log_sha256 != sha256(log):
        yield RunProblem(f"{log} is not the log that {test} was verified with", _again(run))
    text = (run.logs(test) / "verify_accuracy.txt").read_text(encoding="utf-8")
    if said is not None and said.passed != ("verification complete" in text):
        yield RunProblem(
            f"{run.logs(test) / 'verify_accuracy.txt'} is not what run.json says", _again(run)
        )


def _verdict(run: Candidate, test: str, name: str, text: str) -> Iterator[RunProblem]:
    path = run.logs(test) / name
    if path.read_text(encoding="utf-8") != text:
        yield RunProblem(f"{path} is not what the logs give", _again(run))


def _again(run: Candidate) -> str:
    return f"score and verify the run again with: loadscope accuracy {run.path}"


def _differs(run: Candidate, file: str, key: str, said: object, found: object) -> RunProblem:
    return RunProblem(
        f"{run.path / file}: {key} is {json.dumps(said)}, the logs give {json.dumps(found)}",
        "restore the run's files, or repeat the run",
    )


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = getattr(value, key, None)
    return value
