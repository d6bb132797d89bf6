"""Rules over what an accuracy log holds; most of it is cut away before it is submitted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import ACCURACY_LOG, Result

ANSWERS: RuleSet[Result] = RuleSet()

CUT = b"\n\n...\n\n"
"""What the official script leaves in the middle of a log that it truncates."""
_ANSWER = re.compile(rb'"qsl_idx"\s*:\s*(\d{1,18})\s*,\s*"data"\s*:\s*"([^"\n]*)"')
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True)
class LogAnswer:
    """An answer that is whole in the log.

    Attributes:
        sample: The sample's index.
        data: What it was answered with, in hexadecimal digits.
    """

    sample: int
    data: bytes


def log_bytes(result: Result, path: str) -> bytes:
    """An accuracy log, if it has the size of a truncated one; else nothing."""
    entry = result.files.file(path)
    if entry is None or entry.size > result.round.submission.max_accuracy_log_bytes:
        return b""
    try:
        return (result.files.root / path).read_bytes()
    except OSError:
        return b""  # tree.kind tells it.


def _logs(result: Result) -> Iterator[tuple[str, bytes]]:
    folders = [f"{result.path}/accuracy"]
    folders += [f"{test.home}/accuracy" for test in result.asked.values() if test.role == "TEST01"]
    for folder in folders:
        path = f"{folder}/{ACCURACY_LOG}"
        if log := log_bytes(result, path):
            yield path, log


def _answers(log: bytes) -> list[LogAnswer]:
    return [LogAnswer(int(match[1]), match[2]) for match in _ANSWER.finditer(log)]


@ANSWERS.rule(
    "accuracy.log-form",
    "An accuracy log begins and ends as LoadGen's, and holds answers.",
    fix="copy the log again from the run directory",
)
def _form(result: Result) -> Iterator[Problem]:
    for path, log in _logs(result):
        start, end = log.lstrip()[:1], log.rstrip()[-1:]
        if start != b"[" or end != b"]" or b"qsl_idx" not in log:
            yield Problem(path, show(log[:20].decode("ascii", "replace")), "a list of answers")


@ANSWERS.rule(
    "accuracy.samples",
    "Every answer is to a sample of the data set; a log that was not truncated answers each one "
    "that the run was of.",
    fix="run --mode accuracy on the whole data set, and copy its log",
)
def _samples(result: Result) -> Iterator[Problem]:
    rules = result.benchmark.rules
    if rules is None:
        return
    for path, log in _logs(result):
        samples = {answer.sample for answer in _answers(log)}
        if samples and max(samples) >= rules.dataset_size:
            expected = f"less than {rules.dataset_size}"
            yield Problem(path, f"qsl_idx {max(samples)}", expected)
    path = f"{result.path}/accuracy/{ACCURACY_LOG}"
    log = log_bytes(result, path)
    if log and CUT not in log:
        count = len({answer.sample for answer in _answers(log)})
        if count != result.samples:
            yield Problem(path, f"{count} samples in a whole log", f"{result.samples:g}")


@ANSWERS.rule(
    "accuracy.payload",
    "An answer is hexadecimal, and as long as an answer of the benchmark is.",
    fix="answer with the payload that the round's script reads, and repeat the run",
)
def _payload(result: Result) -> Iterator[Problem]:
    rules = result.benchmark.rules
    if rules is None:
        return
    sizes, record = rules.answer_bytes, rules.answer_record_bytes
    for path, log in _logs(result):
        for answer in _answers(log):
            size = len(answer.data) // 2
            if not _HEX.fullmatch(answer.data):
                shown = show(answer.data[:20].decode("ascii", "replace"))
                yield Problem(path, f"sample {answer.sample}: {shown}", "hexadecimal digits")
            elif sizes and size not in sizes:
                expected = " or ".join(map(str, sizes))
                yield Problem(path, f"sample {answer.sample}: {size} bytes", expected)
            elif size % record:
                expected = f"a multiple of {record}"
                yield Problem(path, f"sample {answer.sample}: {size} bytes", expected)
            else:
                continue
            break  # The others are as the first, most likely.
