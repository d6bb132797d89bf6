"""Run directories, quick to make, as the runner writes them."""

import pytest

from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.scan import Tally, source_at, take_in


@pytest.fixture
def index(tmp_path):
    opened = ResultsIndex.open(tmp_path / "index" / "results.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def add():
    """Take paths into an index; returns what that came to."""

    def take(index, *paths, named=""):
        tally = Tally()
        for path in paths:
            take_in(index, source_at(path, named), tally)
        return tally

    return take


@pytest.fixture(scope="session")
def content():
    """All that an index holds, whatever the order in which it came to hold it."""

    def dump(index):
        facets = ("config", "system", "environment", "build")
        joins = " ".join(f"JOIN {one} ON {one}.id = run.{one}" for one in facets)
        digests = ", ".join(f"{one}.digest AS {one}_digest" for one in facets)
        runs = {
            row["id"]: {key: row[key] for key in dict(row) if key not in ("id", "source", *facets)}
            | {"root": row["root"]}
            for row in index.db.execute(
                f"SELECT run.*, {digests}, root FROM run {joins} "
                "JOIN source ON source.id = run.source"
            )
        }
        hashed = {
            table: dict(index.db.execute(f"SELECT id, digest FROM {table}").fetchall())
            for table in facets[:2]
        }

        def rows(table, drop):
            found = []
            for row in index.db.execute(f"SELECT * FROM {table}"):
                told = {key: row[key] for key in dict(row) if key not in drop}
                for key in ("run", "last_run"):
                    if key in told:
                        told[key] = runs[told[key]]["path"]
                for key in hashed:
                    if key in told:
                        told[key] = hashed[key][told[key]]
                found.append(sorted(told.items()))
            return sorted(found, key=repr)

        return {
            "run": sorted((sorted(run.items()) for run in runs.values()), key=repr),
            **{
                table: rows(table, ("source", "id"))
                for table in ("test", "accuracy", "noise", "problem", "note", "official", "summary")
            },
        }

    return dump
