"""The result of a run, assembled from its files."""

from collections.abc import Callable, Collection
from typing import Any

from pydantic import ValidationError

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.figures import figures, invalid_reasons
from loadscope.rundir.record import RunRecord
from loadscope.rundir.repeat import summary
from loadscope.rundir.result import AccuracyRecord, ResultRecord

LeastQueries = Callable[[str, Scenario], int | None]
"""How many queries early stopping needs, by the round's name and the scenario."""


def assemble(
    run: RunDirectory,
    least_queries: LeastQueries,
    without: Collection[Mode] = (),
    record: RunRecord | None = None,
) -> ResultRecord:
    """Collect what the finished tests of a run gave; null where a test is missing.

    Args:
        run: The run.
        least_queries: The rule of the run's round.
        without: Tests of which nothing is read.
        record: Its ``run.json``, where that has been read already.

    Raises:
        InputError: ``score.json`` is no score, or a figure of the log cannot be.
        WorkError: The log of a finished performance test is missing or broken.
    """
    record = record or run.read()
    finished = record.finished()
    read = [mode for mode in finished if mode not in without]
    found: dict[str, Any] = {}
    if Mode.PERFORMANCE in read:
        found = _performance(run, record, least_queries)
    if Mode.TRACE in finished:
        noise = record.of(Mode.TRACE).noise
        found["warnings"] = noise.warnings if noise else ()
    if Mode.ACCURACY in read:
        found["accuracy"] = read_score(run)
    return ResultRecord(
        uid=record.uid,
        model=record.model.id,
        title=record.model.title,
        framework=record.spec.framework,
        numerics=record.model.numerics,
        device=record.model.device,
        scenario=record.scenario,
        mode=",".join(finished),
        unscored=record.data.unscored,
        compliance={
            mode: state.verification
            for mode, state in record.state.items()
            if state.verification is not None
        },
        rehearsal=record.rehearsal,
        rate_search=record.rate_search,
        notes=tuple(_notes(record)),
        state=record.state,
        **found,
    )


def read_score(run: RunDirectory) -> AccuracyRecord | None:
    """The score in ``score.json``, or None where the test was not scored.

    Raises:
        InputError: The file is no score.
    """
    path = run.logs(Mode.ACCURACY) / "score.json"
    if not path.exists():
        return None
    try:
        return AccuracyRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not a score", f"score it again with: loadscope accuracy {run.path}"
        ) from error


def _performance(
    run: RunDirectory, record: RunRecord, least_queries: LeastQueries
) -> dict[str, Any]:
    median = record.of(Mode.PERFORMANCE).median_run or 1
    log = read_detail_log(run.logs(Mode.PERFORMANCE, median) / "mlperf_log_detail.txt")
    try:
        seen = figures(log, record.scenario)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(
            f"{run.path}: {'.'.join(map(str, first['loc']))}: {first['msg']}", "repeat the run"
        ) from error
    reasons = invalid_reasons(log, least_queries(record.round, record.scenario))
    state = record.of(Mode.PERFORMANCE)
    return {
        **dict(seen),
        "valid": not reasons,
        "invalid_reasons": tuple(reasons),
        "repeat": summary(state),
        "warnings": state.noise.warnings if state.noise else (),
    }


def _notes(record: RunRecord) -> list[str]:
    """What one must know of a result beside its figures."""
    notes = []
    if record.model.verified is False:
        notes.append("the model's file is unverified: its manifest has no checksum of it")
    for mode in record.finished():
        if (fitted := record.of(mode).halved_batch) is not None:
            notes.append(
                f"{mode}: out of memory on {record.model.device}: the batch was halved from "
                f"{record.effective.batch_size} to {fitted}"
            )
    if (remote := record.remote) is not None:
        notes.append(
            f"the SUT was reached by the network ({remote.protocol}, {remote.server}); noise was "
            "watched on LoadGen's host alone"
        )
        if remote.untold:
            notes.append(f"the SUT did not tell its {', '.join(remote.untold)}")
    if (energy := record.of(Mode.PERFORMANCE).energy) is not None:
        notes.append(f"energy is counted of {', '.join(energy.joules)} alone; not MLPerf power")
    states = (record.of(mode).in_force for mode in record.finished())
    fixed = next((size for state in states if (size := state.get("fixed_batch"))), 1)
    size = record.effective.batch_size
    if isinstance(fixed, int) and size < fixed:
        notes.append(
            f"the model's file computes {fixed} samples at once: each batch of at most {size} "
            f"costs as much as one of {fixed}"
        )
    return notes
