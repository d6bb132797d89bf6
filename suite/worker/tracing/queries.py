"""LoadGen's own trace of its queries, laid on the unix clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import WorkError

_SAMPLE = re.compile(
    r'"name":"Sample".*"ph":"b".*"ts":(-?[\d.]+),"args":\{"sample_seq":(\d+),"query_seq":(\d+),'
    r'"sample_idx":(\d+),"issue_start_ns":(\d+),"complete_ns":(\d+)'
)


@dataclass(frozen=True)
class IssuedQuery:
    """A LoadGen query; times are unix nanoseconds."""

    number: int
    scheduled: int
    issued: int
    completed: int
    samples: int


def query_times(
    log: Path, issued: Sequence[tuple[int, int]]
) -> tuple[list[IssuedQuery], list[int]]:
    """LoadGen's queries, and the query of each sample in the order of issue.

    LoadGen's trace has a clock of its own. It is laid so that no query is issued after its
    callback began, and one of them at that very moment: late by the fastest of all callbacks,
    some microseconds.

    Raises:
        WorkError: The trace does not have the samples that were issued.
    """
    rows = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := _SAMPLE.search(line):
            start = round(float(found[1]) * 1000)
            sequence, query, index, delay, completed = map(int, found.groups()[1:])
            rows.append((sequence, query, index, start, start + delay, start + completed))
    rows.sort()
    if [row[2] for row in rows] != [index for _, index in issued]:
        raise WorkError(
            f"{log.name} has {len(rows)} samples that are not the {len(issued)} that were issued",
            "repeat loadscope trace",
        )
    if not rows:
        raise WorkError("LoadGen issued no query", "repeat loadscope trace")
    shift = min(now - row[4] for (now, _), row in zip(issued, rows, strict=True))
    queries: dict[int, IssuedQuery] = {}
    for _, number, _, start, begun, completed in rows:
        known = queries.get(number)
        queries[number] = IssuedQuery(
            number,
            start + shift,
            begun + shift,
            max(completed + shift, known.completed if known else 0),
            known.samples + 1 if known else 1,
        )
    return [queries[number] for number in sorted(queries)], [row[1] for row in rows]
