"""Tasks by name, found by the entry points ``loadscope.tasks`` of what is installed.

A task is imported when it is asked for. The suite's own are declared in ``pyproject.toml`` as those
of any other package are.
"""

import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Task
from loadscope.errors import InputError, WorkError, near

GROUP = "loadscope.tasks"


def task_names() -> list[str]:
    """The names of all tasks that are installed, in order; none of them is imported."""
    return sorted(_found())


@cache
def task(name: str) -> Task:
    """Look a task up by name.

    Raises:
        InputError: There is none of that name (the message lists the known ones), or two.
        WorkError: It cannot be imported, or is no task.
    """
    known = _found()
    entries = known.get(name, [])
    if not known:
        raise InputError(
            f"unknown task '{name}': no task is installed",
            "install LoadScope again, as an editable checkout too: pip install -e .",
        )
    if not entries:
        names = sorted(known)
        raise InputError(
            f"unknown task '{name}'", f"{near(name, names)}use one of: {', '.join(names)}"
        )
    if len(entries) > 1:
        both = " and ".join(entry.value for entry in entries)
        raise InputError(f"two tasks have the name '{name}': {both}", "uninstall one of them")
    return _load(entries[0])


def _found() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        of_name = found.setdefault(entry.name, [])
        # An editable checkout may be installed and on the path at once.
        if entry.value not in [other.value for other in of_name]:
            of_name.append(entry)
    return found


def _load(entry: EntryPoint) -> Task:
    fix = f"correct or uninstall the package that declares it ({entry.value})"
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise WorkError(f"the task '{entry.name}' cannot be imported: {error}", fix) from error
    if not isinstance(found, Task) or found.name != entry.name:
        raise WorkError(f"{entry.value} is not the task '{entry.name}'", fix)
    return found


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
