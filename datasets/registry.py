"""Tasks by name, found by the entry points ``loadscope.tasks`` of what is installed.

A task is imported when it is asked for. The suite's own are declared in ``pyproject.toml`` as those
of any other package are.
"""

import re

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Task
from loadscope.errors import InputError
from loadscope.plugins import Plugins

TASKS = Plugins[Task]("loadscope.tasks", "task", Task)
"""The tasks by name."""


def task_names() -> list[str]:
    """The names of all tasks that are installed, in order; none of them is imported."""
    return list(TASKS)


def task(name: str) -> Task:
    """Look a task up by name.

    Raises:
        InputError: There is none of that name (the message lists the known ones), or two; or it
            cannot be imported, or is no task.
    """
    return TASKS.require(name)


def metric_of(kind: Task, name: str) -> ScoreMetric | None:
    """A task's metric, from any spelling of its name: ``top5`` is ``top-5``.

    Of an empty name it is the usual one, or None where the task scores nothing.

    Raises:
        InputError: The task has no such metric; the message lists those that it has.
    """
    if not name:
        return next(iter(kind.metrics), None)
    folded = _folded(name)
    for metric in kind.metrics:
        if _folded(metric.name) == folded:
            return metric
    known = ", ".join(metric.name for metric in kind.metrics) or "none"
    raise InputError(f"unknown metric '{name}'; known for {kind.name}: {known}", "use one of them")


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.casefold())
