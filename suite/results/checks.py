"""What looks wrong in an index as a whole."""

from loadscope.suite.results.index import ResultsIndex


def shared_names(index: ResultsIndex) -> list[str]:
    """A line for each name that several machines have: ``--machine`` takes their ids as well."""
    rows = index.db.execute(
        "SELECT machine, group_concat(DISTINCT machine_id) AS ids FROM run WHERE machine != '' "
        "AND machine_id != '' GROUP BY machine HAVING count(DISTINCT machine_id) > 1"
    )
    return [
        f"{len(ids)} machines are called {row['machine']}: tell them apart by --machine "
        f"{' or '.join(ids)}"
        for row in rows
        if (ids := sorted(row["ids"].split(",")))
    ]
