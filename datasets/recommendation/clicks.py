"""A table of clicks as a data set: a query of one or more rows is a sample."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.recommendation.click_spec import ClickPreprocess
from loadscope.datasets.recommendation.click_tables import (
    REMARK,
    ClickTable,
    read_table,
    table_file,
)
from loadscope.datasets.selection import selected
from loadscope.datasets.task import PLAIN, Answer, Progress, Score
from loadscope.errors import InputError


class Clicks:
    """Queries, each of as many rows as ``spec.candidates``.

    A ``Dataset``.

    Attributes:
        path: The file.
        spec: What a row has.
        answer_form: Nothing is asked of answers.
        unscored: Empty: each row has a label.
    """

    answer_form = PLAIN
    unscored = ""

    def __init__(
        self, path: Path, table: ClickTable, queries: int, full: int, spec: ClickPreprocess,
        metric: str,
    ) -> None:  # fmt: skip
        self.path = path
        self.spec = spec
        self._table = table
        self._queries = queries
        self._full = full
        self._metric = metric

    @classmethod
    def read(cls, path: Path, limit: int | None, spec: ClickPreprocess, metric: str) -> "Clicks":
        """Read and check a table.

        Args:
            path: The table, or its folder.
            limit: Take only the first queries.
            spec: What a row has, and how many rows a query.
            metric: What it is scored by.

        Raises:
            InputError: There is no table, a row is malformed, rows are no whole number of
                queries, all labels are the same, so that no order of rows is better than another,
                or the limit is below 1 or above the number of queries.
        """
        file = table_file(path)
        most = None if limit is None else max(0, limit) * spec.candidates
        table = read_table(file, spec, most)
        rows = len(table.label)
        full = rows // spec.candidates
        if rows % spec.candidates:
            raise InputError(
                f"{file}: {rows} rows are no whole number of queries of {spec.candidates}",
                "correct candidates in preprocess, or the table",
            )
        if limit is not None and not 1 <= limit <= full:
            raise InputError(
                f"a limit of {limit} samples does not fit {file}, which has {full}",
                f"choose 1 to {full}",
            )
        found = cls(file, table, limit or full, full, spec, metric)
        labels = found.labels()
        if labels.min() == labels.max():
            raise InputError(
                f"{file}: all {labels.size} rows have the label {labels[0, 0]:g}, so there is no "
                "AUC",
                "take more rows, with clicks and without",
            )
        return found

    def __len__(self) -> int:
        """How many queries there are, after the limit."""
        return self._queries

    def full_size(self) -> int:
        """How many queries there are without a limit."""
        return self._full

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over all features, labels and weights, and how many rows a query has."""
        whole = hashlib.sha256(f"{self.spec.candidates} {len(self)}\n".encode())
        rows = slice(0, len(self) * self.spec.candidates)
        for array in (self._table.dense, self._table.sparse, self._table.label, self._table.weight):
            whole.update(array[rows].astype(array.dtype.newbyteorder("<")).tobytes())
        return whole.hexdigest()

    def features(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """What is fed of a query: ``(candidates, dense)`` and ``(candidates, sparse)``."""
        rows = self._rows(index)
        dense = self._table.dense[rows]
        if self.spec.transform == "log":
            dense = np.log1p(np.nan_to_num(dense).clip(0))
        return np.nan_to_num(dense).astype(np.float32), self._table.sparse[rows].astype(np.int32)

    def truth(self, index: int) -> NDArray[np.float32]:
        """The labels of a query's rows, and behind them their weights."""
        rows = self._rows(index)
        return np.concatenate([self._table.label[rows], self._table.weight[rows]])

    def labels(self) -> NDArray[np.float32]:
        """The labels of all queries, ``(queries, candidates)``."""
        whole = self._table.label[: len(self) * self.spec.candidates]
        return whole.reshape(len(self), self.spec.candidates)

    def best(self, queries: Collection[int]) -> float | None:
        """The AUC of what labels were drawn from; None where rows are not generated."""
        from loadscope.datasets.recommendation.click_score import auc

        if self._table.probability is None:
            return None
        rows = np.concatenate([np.arange(len(self._table.label))[self._rows(at)] for at in queries])
        return auc(self._table.probability[rows], self._table.label[rows], self._table.weight[rows])

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """AUC, normalised entropy and accuracy; see ``score_clicks``.

        Raises:
            WorkError: A query is not answered, or by what is no answer to it.
        """
        from loadscope.datasets.recommendation.click_score import score_clicks

        chosen = list(range(len(self))) if among is None else sorted(set(among))
        said = self.path.with_name(REMARK)
        remark = said.read_text(encoding="utf-8").strip() if said.is_file() else ""
        given = answers if among is None else selected(answers, chosen)
        return score_clicks(
            given, lambda place: self.truth(chosen[place]), len(chosen), self._metric,
            self.best(chosen), remark, progress,
        )  # fmt: skip

    def _rows(self, index: int) -> slice:
        return slice(index * self.spec.candidates, (index + 1) * self.spec.candidates)
