"""All that the index holds of one run."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.schema import FACETS


def find_run(index: ResultsIndex, named: str) -> sqlite3.Row:
    """The row of a run.

    Args:
        index: The index.
        named: Its folder, the folder's name, or the first letters of its identity.

    Raises:
        InputError: There is none, or several.
    """
    here = str(Path(named).absolute())
    rows = index.db.execute(
        "SELECT * FROM run WHERE path = ?1 OR (copy = 0 AND (uid LIKE ?2 OR path LIKE ?3)) "
        "ORDER BY path LIMIT 5",
        (here, f"{named}%", f"%/{named}"),
    ).fetchall()
    exact: list[sqlite3.Row] = [row for row in rows if row["path"] == here] or rows
    if len(exact) != 1:
        several = ", ".join(row["path"] for row in exact)
        raise InputError(
            f"{named}: {'no run in the index' if not exact else f'several runs: {several}'}",
            "see loadscope results list --columns run,uid,path",
        )
    return exact[0]


def run_facts(index: ResultsIndex, named: str) -> dict[str, Any]:
    """What is known of a run, as plain data: its row, facets with their facts, tests, marks.

    Raises:
        InputError: There is no such run, or there are several.
    """
    row, db = find_run(index, named), index.db
    hidden = {"id", "source", *FACETS}
    facts: dict[str, Any] = {key: row[key] for key in dict(row) if key not in hidden}
    for facet in FACETS:
        found = db.execute(f"SELECT * FROM {facet} WHERE id = ?", (row[facet],)).fetchone()
        told = {"digest": found["digest"], "recipe": found["recipe"]}
        facts[facet] = {**told, **json.loads(found["facts"])}
    facts["tests"] = {
        test["mode"]: {
            key: test[key]
            for key in dict(test)
            if key not in ("run", "mode", "config", "system") and test[key] is not None
        }
        for test in db.execute("SELECT * FROM test WHERE run = ?", (row["id"],))
    }
    score = db.execute("SELECT * FROM accuracy WHERE run = ?", (row["id"],)).fetchone()
    facts["accuracy"] = {key: score[key] for key in dict(score) if key != "run"} if score else None
    facts["noise"] = {
        one["mode"]: json.loads(one["facts"])
        for one in db.execute("SELECT * FROM noise WHERE run = ?", (row["id"],))
    }
    facts["copies"] = [
        one["path"]
        for one in db.execute(
            "SELECT path FROM run WHERE uid = ? AND id != ?", (row["uid"], row["id"])
        )
    ]
    facts["marks"] = [
        " ".join(filter(None, (one["time"], one["kind"], one["author"], one["text"])))
        for one in db.execute("SELECT * FROM note WHERE target = ? ORDER BY time", (row["uid"],))
    ]
    return facts
