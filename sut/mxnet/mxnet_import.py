"""The one way in which MXNet is imported: it reads its settings while it is."""

import atexit
import os
import sys
import warnings
from types import ModuleType

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.mxnet.info import INFO
from loadscope.sut.one_framework import alone
from loadscope.sut.registry import readable

_imported: list[int] = []


def import_mxnet(threads: int, calls: int = 1) -> ModuleType:
    """Import MXNet with so many threads inside an operator.

    Args:
        threads: Threads of OpenMP in each of MXNet's workers.
        calls: Operators that run side by side, so workers of its engine.

    Raises:
        InputError: MXNet was imported in this process with another number of threads, or cannot
            be imported here.
    """
    if _imported and _imported[0] != threads:
        raise InputError(
            f"MXNet has {_imported[0]} threads in this process, not {threads}",
            "load it in a process of its own",
        )
    if not _imported and "mxnet" in sys.modules:
        raise InputError("MXNet was imported before its threads were set", "import it here alone")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MXNET_CPU_WORKER_NTHREADS"] = str(calls)
    # Otherwise each binding says on standard error that operators are fused.
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")
    # MXNet 1.9.1 still uses a name that NumPy dropped in 1.24.
    np.bool = np.bool_  # type: ignore[attr-defined]
    with warnings.catch_warnings(), alone(INFO, readable):
        # It meets NumPy's and Python's deprecations at every step of its import.
        warnings.simplefilter("ignore")
        import mxnet
    # Where SciPy is there, every array is held against a name that SciPy is about to drop, to find
    # sparse ones. None of ours is.
    mxnet.ndarray.utils.spsp = None
    # At its exit MXNet waits for its engine, which now and then, after two threads have used it,
    # waits without end. All answers have been given by then.
    atexit.unregister(mxnet.base._notify_shutdown)
    _imported[:] = [threads]
    module: ModuleType = mxnet
    return module
