"""What is derived from several rows: which copy of a run stands for it, and each series' summary.

A series is a configuration on a system. Its median and spread are over its valid, quiet, unhidden
performance tests, one a run.
"""

import sqlite3
import statistics
from collections.abc import Iterable

TO_SIGMA = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""

Series = tuple[int, int]
"""The ids of a configuration and of a system."""


def settle(db: sqlite3.Connection, uids: Iterable[str]) -> set[Series]:
    """Say anew which runs of these identities count; returns the series that they are in.

    Of several copies one stands for the run: one that is not altered, else that of the first path.
    """
    touched: set[Series] = set()
    for uid in uids:
        hide = db.execute(
            "SELECT kind FROM note WHERE target = ? AND kind IN ('hide', 'show') "
            "ORDER BY time DESC, id DESC LIMIT 1",
            (uid,),
        ).fetchone()
        hidden = hide is not None and hide["kind"] == "hide"
        copies = db.execute(
            "SELECT id, config, system FROM run WHERE uid = ? ORDER BY status = 'altered', path",
            (uid,),
        ).fetchall()
        for place, copy in enumerate(copies):
            touched.add((copy["config"], copy["system"]))
            db.execute(
                "UPDATE run SET copy = ?, hidden = ? WHERE id = ?", (place > 0, hidden, copy["id"])
            )
            db.execute(
                "UPDATE test SET counts = (mode = 'performance' AND status = 'valid' AND value "
                "IS NOT NULL AND (SELECT copy = 0 AND hidden = 0 AND warnings = '' FROM run "
                "WHERE id = ?1)) WHERE run = ?1",
                (copy["id"],),
            )
    return touched


def summarise(db: sqlite3.Connection, touched: Iterable[Series]) -> None:
    """Write the summaries of some series anew."""
    for config, system in touched:
        db.execute("DELETE FROM summary WHERE config = ? AND system = ?", (config, system))
        rows = db.execute(
            "SELECT test.run, value, better, unit FROM test JOIN run ON run.id = test.run WHERE "
            "test.config = ? AND test.system = ? AND counts ORDER BY test.created, run.uid",
            (config, system),
        ).fetchall()
        if not rows:
            continue
        values = [row["value"] for row in rows]
        last = rows[-1]
        db.execute(
            "INSERT INTO summary VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (config, system, len(values), *spread(values), values[-1],
             values[-2] if len(values) > 1 else None, _z(values), last["run"], last["better"],
             last["unit"]),
        )  # fmt: skip


def spread(values: list[float]) -> tuple[float, float]:
    """Median, and median absolute deviation from it."""
    median = statistics.median(values)
    return median, statistics.median(abs(value - median) for value in values)


def _z(values: list[float]) -> float | None:
    """How far the last value is from those before it, in robust standard deviations."""
    if len(values) < 3:
        return None
    median, mad = spread(values[:-1])
    return (values[-1] - median) / (TO_SIGMA * mad) if mad else None
