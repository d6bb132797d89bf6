"""Rules over the accuracy run: the score, the log's hash, and the truncated log."""

import hashlib
import re
from collections.abc import Iterator

from loadscope.submission.check.files import Files
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import ACCURACY_LOG, Result

ACCURACY: RuleSet[Result] = RuleSet()

_HASH = re.compile(r"hash=(\w+)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CUT = b"\n\n...\n\n"
"""What the official script leaves in the middle of a log that it truncates."""


def scores(result: Result, path: str) -> tuple[list[float], str]:
    """The scores that an accuracy.txt states, in percent, and what is wrong with it."""
    text = result.files.text(path)
    pattern = result.metric_pattern
    if text.wrong or pattern is None:
        return [], text.wrong
    if not text.content:
        return [], "an empty file"
    found = [match[1] for line in text.content.splitlines() if (match := pattern.match(line))]
    try:
        return [float(value) for value in found], "" if found else "no line with the score"
    except ValueError:
        return [], f"a score that is no number: {show(found)}"


@ACCURACY.rule(
    "accuracy.result",
    "accuracy.txt has the score on a line of the official script's form.",
    fix="score the run again with loadscope accuracy and package it with loadscope submit",
    official=True,
)
def _result(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/accuracy/accuracy.txt"
    wrong = scores(result, path)[1]
    if wrong:
        yield Problem(path, wrong, "a line such as accuracy=76.456%")


@ACCURACY.rule(
    "accuracy.target",
    "In the closed division the score reaches the round's target.",
    fix="submit to the open division, or use weights and a data type that reach it",
    official=True,
)
def _target(result: Result) -> Iterator[Problem]:
    rules = result.benchmark.rules
    if rules is None or result.division == "open":
        return
    path = f"{result.path}/accuracy/accuracy.txt"
    target = rules.accuracy_targets[result.benchmark.name]
    for score in scores(result, path)[0]:
        if score < target:
            yield Problem(path, f"{rules.accuracy_metric} {score:g}", f"at least {target:g}")


@ACCURACY.rule(
    "accuracy.score-range",
    "A score is a percentage.",
    fix="score the run again with loadscope accuracy",
)
def _range(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/accuracy/accuracy.txt"
    for score in scores(result, path)[0]:
        if not 0 <= score <= 100:
            yield Problem(path, f"{score:g}", "0 to 100")


@ACCURACY.rule(
    "accuracy.hash",
    "accuracy.txt has one line hash=<SHA-256 of the whole accuracy log>.",
    fix="package the run again with loadscope submit, which hashes before it truncates",
    official=True,
)
def _hash(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/accuracy/accuracy.txt"
    text = result.files.text(path)
    if text.wrong or not text.content:
        return
    found = sorted(_hashes(text.content))
    if len(found) != 1 or not _SHA256.fullmatch(found[0]):
        yield Problem(path, f"hash {show(', '.join(found)) or 'missing'}", "64 hexadecimal digits")


@ACCURACY.rule(
    "accuracy.hash-match",
    "The hash is that of the accuracy log, where the log was too short to be truncated.",
    fix="package the run again with loadscope submit",
)
def _hash_match(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/accuracy/accuracy.txt"
    log = _log_bytes(result.files, f"{result.path}/accuracy/{ACCURACY_LOG}", result)
    stated = _hashes(result.files.text(path).content)
    if not log or _CUT in log or len(stated) != 1:
        return
    actual = hashlib.sha256(log).hexdigest()
    if stated != {actual}:
        yield Problem(path, f"hash {show(min(stated))}", actual)


@ACCURACY.rule(
    "accuracy.log",
    "The accuracy log is there, is not empty, and is truncated to the round's size (10 KiB).",
    fix="package the run with loadscope submit, or truncate it with the official script",
    official=True,
)
def _log(result: Result) -> Iterator[Problem]:
    tests = [name for name in result.compliance if name == "TEST01"]
    for folder in ("accuracy", *(f"{name}/accuracy" for name in tests)):
        path = f"{result.path}/{folder}/{ACCURACY_LOG}"
        entry = result.files.file(path)
        most = result.round.submission.max_accuracy_log_bytes
        if entry is None:
            yield Problem(path, "no file", "LoadGen's accuracy log, truncated")
        elif not 0 < entry.size <= most:
            yield Problem(path, f"{entry.size:,} bytes", f"1 to {most:,}")


@ACCURACY.rule(
    "accuracy.log-form",
    "The accuracy log begins and ends as LoadGen's, and holds answers.",
    fix="copy the log again from the run directory",
)
def _log_form(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/accuracy/{ACCURACY_LOG}"
    log = _log_bytes(result.files, path, result)
    if not log:
        return
    if not (log.lstrip().startswith(b"[") and log.rstrip().endswith(b"]") and b"qsl_idx" in log):
        yield Problem(path, show(log[:20].decode("ascii", "replace")), "a list of answers")


@ACCURACY.rule(
    "accuracy.data-set",
    "The accuracy run covers the whole data set, in the open division too.",
    fix="run --mode accuracy without --count on the whole data set",
    official=True,
)
def _data_set(result: Result) -> Iterator[Problem]:
    test, rules = result.accuracy, result.benchmark.rules
    if rules is None or not test.readable:
        return
    key = "effective_accuracy_sample_count"
    if key not in test.log.values:
        key = "qsl_reported_total_count"
    if test.log.number(key) != rules.dataset_size:
        found = f"{key} is {show(test.log.values.get(key))}"
        yield Problem(test.path, found, str(rules.dataset_size))


def _hashes(text: str) -> set[str]:
    return {match[1] for line in text.splitlines() if (match := _HASH.match(line))}


def _log_bytes(files: Files, path: str, result: Result) -> bytes:
    """The log, if it has the size of a truncated one; else nothing."""
    entry = files.file(path)
    if entry is None or entry.size > result.round.submission.max_accuracy_log_bytes:
        return b""
    try:
        return (files.root / path).read_bytes()
    except OSError:
        return b""  # tree.text tells it.
