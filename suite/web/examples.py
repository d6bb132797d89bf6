"""Samples of data sets that are on this machine, to try a model with."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from loadscope.datasets.catalog import catalog
from loadscope.datasets.task import Task
from loadscope.paths import cache_root
from loadscope.suite.fetch.datasets import dataset_folder, dataset_in_cache

_MOST = 8


def examples_of(kind: Task) -> dict[str, Mapping[str, str]]:
    """A few samples of the first data set of a task that is here, by name."""
    cache = cache_root()
    for name, entry in catalog().items():
        if entry.task == kind.name and dataset_in_cache(name, cache):
            found = kind.examples(dataset_folder(name, cache), _MOST)
            if found:
                return dict(found)
    return {}


def example(kind: Task, name: str) -> Mapping[str, str]:
    """A sample by its name.

    Raises:
        HTTPException: 404 where there is none.
    """
    found = examples_of(kind).get(name)
    if found is None:
        raise HTTPException(404, "there is no such sample")
    return found
