"""A run that has been carried out, and what came of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.rundir.assemble import assemble
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.result import ResultRecord
from loadscope.submission.rounds import early_stopping_queries


@dataclass(frozen=True)
class CompletedRun:
    """A run that has been carried out, and what came of it."""

    path: Path
    result: ResultRecord

    def to_json(self) -> dict[str, Any]:
        """The object of ``loadscope run --json``."""
        return self.result.to_json(str(self.path.resolve()))


def completed(run: RunDirectory) -> CompletedRun:
    """Assemble the result of a run, and write it to ``result.json``."""
    result = assemble(run, early_stopping_queries)
    run.write_result(result)
    return CompletedRun(run.path, result)
