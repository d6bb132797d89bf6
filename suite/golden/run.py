"""A run directory held against a golden file, from its accuracy log alone."""

import numpy as np

from loadscope.errors import InputError
from loadscope.identity import model_difference
from loadscope.names import Mode
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RunRecord
from loadscope.rundir.result import AccuracyRecord
from loadscope.suite.golden.cause import Cause, reversed_words
from loadscope.suite.golden.compare import (
    GoldenVerdict,
    difference,
    metric_delta,
    require_comparable,
    same_class,
    same_top,
)
from loadscope.suite.golden.observation import Observation
from loadscope.suite.golden.thresholds import THRESHOLDS, Threshold
from loadscope.tensors import Tensors

_NO_LAYERS = "a run directory has no values of layers; validate with --model"


def compare_run(run: RunDirectory, golden: Observation, allowed: Threshold) -> GoldenVerdict:
    """Hold a run's answers against the golden ones, sample by sample.

    Raises:
        InputError: The run has no finished accuracy test, or is of another model or data set,
            or has not answered a sample of the golden file.
        WorkError: The accuracy log is damaged.
    """
    record = run.read()
    require_comparable(record.model.id, golden.meta)
    if run.status(Mode.ACCURACY) != "finished":
        raise InputError(f"{run.path}: no finished accuracy test", "run it with --mode accuracy")
    total = len(golden.samples)
    here, there = record.data, golden.meta["data"]
    same_data = here.samples == there["samples"]
    if same_data and here.digest != there["digest"]:
        raise InputError(
            f"{run.path} is of other samples than the golden file (digest of the data set)",
            "run on the data set that the golden file was made from",
        )
    log = run.logs(Mode.ACCURACY)
    answers: dict[int, bytes] = {}
    for answer in read_accuracy_log(log / "mlperf_log_accuracy.json"):
        if answer.index < total:
            answers.setdefault(answer.index, answer.payload)
    if missing := [index for index in range(total) if index not in answers]:
        raise InputError(
            f"{run.path} has no answer of sample {missing[0]} of the golden file",
            f"run at least its {total} samples",
        )
    score = AccuracyRecord.model_validate_json((log / "score.json").read_text(encoding="utf-8"))
    delta = metric_delta(score.value if same_data else None, golden)
    return _verdict(record, answers, golden, allowed, delta)


def _verdict(
    record: RunRecord,
    answers: dict[int, bytes],
    golden: Observation,
    allowed: Threshold,
    delta: float | None,
) -> GoldenVerdict:
    pairs = [(answers[index], sample.payload) for index, sample in enumerate(golden.samples)]
    absolute = relative = None
    if golden.meta["payload"] == "classes":
        same = [same_class(here, there) for here, there in pairs]
    else:
        numbers = [(_numbers(here), _numbers(there)) for here, there in pairs]
        same = [same_top(here, there) for here, there in numbers]
        differences = [difference(here, there) for here, there in numbers]
        absolute, relative = (max(column) for column in zip(*differences, strict=True))
    agreement = float(np.mean(same))
    passed = agreement >= allowed.top1_agreement and (relative or 0.0) <= allowed.max_rel_diff
    cause = Cause(None, "") if passed else _cause(record, pairs, golden, relative)
    return GoldenVerdict(
        passed,
        len(pairs),
        absolute,
        relative,
        agreement,
        delta,
        None,
        _NO_LAYERS,
        cause.name,
        cause.detail,
    )


def _numbers(payload: bytes) -> Tensors:
    return {"payload": np.frombuffer(payload, "<f4").astype(np.float32)}


def _cause(
    record: RunRecord,
    pairs: list[tuple[bytes, bytes]],
    golden: Observation,
    relative: float | None,
) -> Cause:
    for index, (here, there) in enumerate(pairs):
        if here != there and reversed_words(here) == there:
            return Cause("byte-order", f"the payload of sample {index} is big-endian")
    difference = model_difference(golden.model, record.model)
    if difference and record.spec.framework == golden.meta["framework"]:
        return Cause("weights", difference)
    for name, allowed in THRESHOLDS.items():
        if name != "float32" and relative is not None and relative <= allowed.max_rel_diff:
            return Cause(
                "reduced-precision",
                f"answers differ by {relative:.2g} of their magnitude, as {name} may",
            )
    samples, there = record.data.samples, golden.meta["data"]["samples"]
    unlike = (
        f"; whether its samples are the golden file's is not known either, for it had {samples} "
        f"and the file {there}"
    )
    return Cause(
        None,
        f"a log of answers does not tell{unlike if samples != there else ''}; "
        "validate with --model",
    )
