"""Rules over the accuracy run: the score, the log's hash, and the truncated log."""

import hashlib
import re
from collections.abc import Iterator

from loadscope.submission.check.answer_rules import CUT, log_bytes
from loadscope.submission.check.files import Text
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import ACCURACY_LOG, Result

ACCURACY: RuleSet[Result] = RuleSet()

_HASH = re.compile(r"hash=(\w+)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COUNTS = re.compile(r".*\bgood=(\d{1,12}), total=(\d{1,12})")
_ROUNDED = 0.001
"""Percent; the official script writes three decimals."""


def scores(result: Result, path: str) -> tuple[list[float], str]:
    """The scores that an accuracy.txt states, in percent, and what is wrong with it."""
    text = result.files.text(path)
    pattern = result.metric_pattern
    if text.wrong or pattern is None:
        return [], text.wrong
    if not text.content:
        return [], "an empty file"
    found = [match[1] for line in text.lines if (match := pattern.match(line))]
    try:
        return [float(value) for value in found], "" if found else "no line with the score"
    except ValueError:
        return [], f"a score that is no number: {show(', '.join(found))}"


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
    "accuracy.further",
    "accuracy.txt has the further figures that the round bounds, and in the closed division they "
    "keep their bounds.",
    fix="submit to the open division, or use weights and a data type that keep them",
    official=True,
)
def _further(result: Result) -> Iterator[Problem]:
    rules = result.benchmark.rules
    path = f"{result.path}/accuracy/accuracy.txt"
    text = result.files.text(path)
    if rules is None or text.wrong or not text.content:
        return
    for name, bounds in rules.further_accuracy.items():
        pattern = re.compile(result.round.submission.accuracy_lines[name])
        found = [match[1] for line in text.lines if (match := pattern.match(line))]
        try:
            values = [float(value) for value in found]
        except ValueError:
            values = []
        if not values:
            yield Problem(path, f"no {name}", f"{name} {bounds}")
        elif result.division == "closed" and not all(map(bounds.holds, values)):
            yield Problem(path, f"{name} {show(', '.join(found))}", str(bounds))


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
    found = sorted(_hashes(text))
    if len(found) != 1 or not _SHA256.fullmatch(found[0]):
        yield Problem(path, f"hash {show(', '.join(found)) or 'missing'}", "64 hexadecimal digits")


@ACCURACY.rule(
    "accuracy.hash-match",
    "The hash is that of the whole accuracy log: of the file itself where it was too short to be "
    "truncated, and not of it where it was.",
    fix="package the run again with loadscope submit",
)
def _hash_match(result: Result) -> Iterator[Problem]:
    folders = [f"{result.path}/accuracy"]
    folders += [f"{test.home}/accuracy" for test in result.asked.values() if test.role == "TEST01"]
    for folder in folders:
        path = f"{folder}/accuracy.txt"
        log, stated = log_bytes(result, f"{folder}/{ACCURACY_LOG}"), result.files.text(path)
        hashes = _hashes(stated)
        if not log or len(hashes) != 1:
            continue
        actual = hashlib.sha256(log).hexdigest()
        if CUT in log and actual in hashes:
            yield Problem(path, "the hash of the truncated log", "that of the log before")
        elif CUT not in log and hashes != {actual}:
            yield Problem(path, f"hash {show(min(hashes))}", actual)


@ACCURACY.rule(
    "accuracy.counts",
    "Where accuracy.txt has good and total, their quotient is the score, and total the number of "
    "samples in the accuracy run, which accuracy.data-set holds to the data set.",
    fix="score the run again with loadscope accuracy",
)
def _counts(result: Result) -> Iterator[Problem]:
    pattern, path = result.metric_pattern, f"{result.path}/accuracy/accuracy.txt"
    if pattern is None or scores(result, path)[1]:
        return
    for line in result.files.text(path).lines:
        score, counts = pattern.match(line), _COUNTS.match(line)
        if score is None or counts is None:
            continue
        good, total = int(counts[1]), int(counts[2])
        if total != result.samples:
            yield Problem(path, f"total={total}", f"total={result.samples:g}")
        elif abs(100 * good / total - float(score[1])) > _ROUNDED:
            found = f"{float(score[1]):g} with good={good}"
            yield Problem(path, found, f"{100 * good / total:.3f}")


@ACCURACY.rule(
    "accuracy.log",
    "The accuracy log is there, is not empty, and is truncated to the round's size (10 KiB).",
    fix="package the run with loadscope submit, or truncate it with the official script",
    official=True,
)
def _log(result: Result) -> Iterator[Problem]:
    folders = [f"{result.path}/accuracy"]
    folders += [f"{test.home}/accuracy" for test in result.asked.values() if test.role == "TEST01"]
    for folder in folders:
        path = f"{folder}/{ACCURACY_LOG}"
        entry = result.files.file(path)
        most = result.round.submission.max_accuracy_log_bytes
        if entry is None:
            yield Problem(path, "no file", "LoadGen's accuracy log, truncated")
        elif not 0 < entry.size <= most:
            yield Problem(path, f"{entry.size:,} bytes", f"1 to {most:,}")


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
    key = result.sample_key
    if test.log.number(key) != rules.dataset_size:
        found = f"{key} is {show(test.log.values.get(key))}"
        yield Problem(test.path, found, str(rules.dataset_size))


def _hashes(text: Text) -> set[str]:
    return {match[1] for line in text.lines if (match := _HASH.match(line))}
