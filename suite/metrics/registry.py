"""Which metrics there are."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from loadscope.errors import InputError
from loadscope.plugins import Plugins
from loadscope.suite import metrics as room
from loadscope.suite.metrics.metric import Metric

BROUGHT = Plugins[Metric]("loadscope.metrics", "metric", Metric)
"""The metrics that other packages bring, by name."""


@cache
def metrics() -> tuple[Metric, ...]:
    """Every metric: those of this room, each in a file of its name, and those of other packages.

    Raises:
        InputError: Two have one name, or an entry point names something else.
    """
    here = {metric.name: metric for metric in _here()}
    if again := here.keys() & BROUGHT.keys():
        raise InputError(
            f"metric '{min(again)}' is LoadScope's own, and a package declares one of its name",
            "uninstall that package",
        )
    return tuple(sorted({**here, **BROUGHT}.values(), key=lambda one: (one.place, one.name)))


def _here() -> Iterator[Metric]:
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        if module.name != __name__:
            metric = getattr(importlib.import_module(module.name), "METRIC", None)
            if metric is not None:
                yield metric
