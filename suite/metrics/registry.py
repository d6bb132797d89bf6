"""Which metrics there are."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points

from loadscope.errors import InputError
from loadscope.suite import metrics as room
from loadscope.suite.metrics.metric import Metric

GROUP = "loadscope.metrics"
"""The entry points by which other packages bring metrics; each names a ``Metric``."""


@cache
def metrics() -> tuple[Metric, ...]:
    """Every metric: those of this room, each in a file of its name, and those of other packages.

    Raises:
        InputError: Two have one name, or an entry point names something else.
    """
    found: dict[str, Metric] = {}
    for where, metric in (*_here(), *_elsewhere()):
        if metric.name in found:
            raise InputError(
                f"metric '{metric.name}' is declared twice, the second time by {where}",
                "uninstall one of the packages",
            )
        found[metric.name] = metric
    return tuple(sorted(found.values(), key=lambda one: (one.place, one.name)))


def _here() -> Iterator[tuple[str, Metric]]:
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        if module.name != __name__:
            metric = getattr(importlib.import_module(module.name), "METRIC", None)
            if metric is not None:
                yield module.name, metric


def _elsewhere() -> Iterator[tuple[str, Metric]]:
    for point in entry_points(group=GROUP):
        metric = point.load()
        if not isinstance(metric, Metric):
            raise InputError(
                f"entry point {point.name} = {point.value}: expected a Metric, got "
                f"{type(metric).__name__}",
                "uninstall the package or mend it",
            )
        yield point.value, metric
