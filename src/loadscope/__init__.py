"""LoadScope: measure a model under MLPerf LoadGen, explain the figure, submit it.

Every name of ``__all__`` is imported when it is first used, so that ``import loadscope`` alone
needs neither NumPy nor pandas.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadscope.datasets.task import Task
    from loadscope.errors import InputError, WorkError
    from loadscope.rundir.spec import RunSpec
    from loadscope.suite.library.catalogues import datasets, models
    from loadscope.suite.library.compare import compare
    from loadscope.suite.library.measure import run, trace
    from loadscope.suite.library.predict import predict
    from loadscope.suite.library.results import results
    from loadscope.suite.library.run import Run
    from loadscope.suite.library.runs import find, load
    from loadscope.suite.library.submission import check, submit
    from loadscope.suite.library.tune import tune
    from loadscope.suite.run.engine import Engine
    from loadscope.sut.backend import Backend

__version__ = "0.1.0"

__all__ = [
    "Backend",
    "Engine",
    "InputError",
    "Run",
    "RunSpec",
    "Task",
    "WorkError",
    "check",
    "compare",
    "datasets",
    "find",
    "load",
    "models",
    "predict",
    "results",
    "run",
    "submit",
    "trace",
    "tune",
]

_HOMES = {
    "Backend": "loadscope.sut.backend",
    "Engine": "loadscope.suite.run.engine",
    "InputError": "loadscope.errors",
    "Run": "loadscope.suite.library.run",
    "RunSpec": "loadscope.rundir.spec",
    "Task": "loadscope.datasets.task",
    "WorkError": "loadscope.errors",
    "check": "loadscope.suite.library.submission",
    "compare": "loadscope.suite.library.compare",
    "find": "loadscope.suite.library.runs",
    "load": "loadscope.suite.library.runs",
    "models": "loadscope.suite.library.catalogues",
    "predict": "loadscope.suite.library.predict",
    "results": "loadscope.suite.library.results",
    "run": "loadscope.suite.library.measure",
    "submit": "loadscope.suite.library.submission",
    "trace": "loadscope.suite.library.measure",
    "tune": "loadscope.suite.library.tune",
}
"""The module of each name; that of ``datasets`` is the folder of that name itself."""


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return importlib.import_module("loadscope.datasets")
    if name not in _HOMES:
        raise AttributeError(f"module 'loadscope' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Datasets(ModuleType):
    """The folder ``loadscope.datasets``, which called lists the data sets."""

    def __call__(self) -> Any:
        from loadscope.suite.library.catalogues import datasets

        return datasets()


class _Loadscope(ModuleType):
    """The package, whose folder ``datasets`` and function ``datasets`` have one name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "datasets" and isinstance(value, ModuleType):
            value.__class__ = _Datasets
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Loadscope
