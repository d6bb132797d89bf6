"""Rows into and out of the index; inside a transaction of the caller's."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from loadscope.suite.results.row import RunRows
from loadscope.suite.results.schema import FACETS, quoted


class Store:
    """Writes runs into an index.

    Args:
        db: Its connection.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove the runs at some paths; returns their identities."""
        gone: set[str] = set()
        for path in paths:
            self._db.execute("DELETE FROM problem WHERE path = ?", (path,))
            row = self._db.execute("SELECT id, uid FROM run WHERE path = ?", (path,)).fetchone()
            if row is None:
                continue
            gone.add(row["uid"])
            for table in ("test", "accuracy", "noise"):
                self._db.execute(f"DELETE FROM {table} WHERE run = ?", (row["id"],))
            self._db.execute("DELETE FROM run WHERE id = ?", (row["id"],))
        return gone

    def add(self, path: str, source: int, stamp: str, sha256: str, rows: RunRows) -> None:
        """Add a run at a path where none is."""
        facets = {
            "config": self._facet("config", rows, rows.config),
            "system": self._facet("system", rows, rows.system),
            "environment": self._facet("environment", rows, {}),
            "build": self._facet("build", rows, {}),
        }
        about = {"path": path, "name": Path(path).name, "source": source, "stamp": stamp,
                 "sha256": sha256}  # fmt: skip
        run = self._insert("run", {**about, **facets, **rows.run})
        series = {"config": facets["config"], "system": facets["system"]}
        for test in rows.tests:
            self._insert("test", {"run": run, **series, **test})
        if rows.accuracy is not None:
            self._insert("accuracy", {"run": run, **rows.accuracy})
        for mode, facts in rows.noise.items():
            self._insert("noise", {"run": run, "mode": mode, "facts": facts})

    def problem(self, path: str, source: int, stamp: str, message: str) -> None:
        """Remember what is wrong with a run, so that it is not read again before it changes."""
        told = {"path": path, "source": source, "stamp": stamp, "message": message}
        self._insert("problem", told)

    def _facet(self, table: str, rows: RunRows, columns: Mapping[str, Any]) -> int:
        assert table in FACETS
        digest = rows.facets[table]
        named = {"digest": digest.value, "recipe": digest.recipe, "facts": digest.json}
        found = self._db.execute(
            f"SELECT id FROM {table} WHERE digest = ?", (digest.value,)
        ).fetchone()
        return found["id"] if found else self._insert(table, {**named, **columns})

    def _insert(self, table: str, columns: Mapping[str, Any]) -> int:
        names = ", ".join(map(quoted, columns))
        marks = ", ".join("?" * len(columns))
        done = self._db.execute(
            f"INSERT INTO {table}({names}) VALUES({marks})", tuple(columns.values())
        )
        return done.lastrowid or 0
