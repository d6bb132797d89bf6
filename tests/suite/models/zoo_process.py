"""Exports of families' models and their answers: ``zoo_process.py FRAMEWORK CACHE FOLDER MODEL…``.

The framework is imported once: exporters run in forks of this process, with all else as it is.
"""

import os
import subprocess
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.suite.fetch import build
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact
from loadscope.sut.registry import open_backend
from loadscope.tools.build.__main__ import build as exporters

_LENGTH = 12


def forked(command: list[str], *, env: dict[str, str], stdout: Any, **_: Any) -> Any:
    """``subprocess.run`` of an exporter."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for stream in (1, 2):
                os.dup2(stdout.fileno(), stream)
            sys.path.extend(env["PYTHONPATH"].split(os.pathsep))
            exporters.main(command[command.index("loadscope.tools.build") + 1 :], "build")
        except SystemExit as done:
            status = int(done.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def samples(artifact: Artifact, preprocess: Any) -> dict[str, NDArray[Any]]:
    """Three samples that nobody would take for each other."""
    random, batch = np.random.default_rng(1), {}
    for one in artifact.inputs:
        shape = (3, *(_LENGTH if size == -1 else size for size in one.shape))
        if one.name == "input_ids":
            batch[one.name] = random.integers(0, 30522, shape)
        elif one.dtype == "int64":
            batch[one.name] = np.full(shape, one.name == "attention_mask", np.int64)
        else:
            batch[one.name] = pictures(preprocess, artifact.layout).astype(one.dtype)
    return batch


def pictures(preprocess: Any, layout: str) -> NDArray[np.float64]:
    """A slope, a board, and stripes of a colour, as a network takes them."""
    down, right = 2 * np.mgrid[0 : preprocess.size, 0 : preprocess.size] / preprocess.size - 1
    board = np.sign(np.sin(10 * down) * np.sin(10 * right))
    stripes, full = np.sign(np.sin(40 * right)), np.ones_like(right)
    pixels = 127.5 + 127.5 * np.stack([[right] * 3, [board] * 3, [full, stripes, -full]])
    found = (pixels.transpose(0, 2, 3, 1) - preprocess.mean) / preprocess.std
    return np.ascontiguousarray(found.transpose(0, 3, 1, 2) if layout == "NCHW" else found)


def main(framework: str, cache: Path, folder: Path, models: list[str]) -> None:
    """Write ``<model>.npz`` with the answers of each, slashes in its name as dashes."""
    open_backend(framework)
    vars(build)["subprocess"] = SimpleNamespace(run=forked, DEVNULL=subprocess.DEVNULL)
    catalogue, made = Catalogue.load(), {}
    for model in models:
        entry = catalogue.get(model)
        artifact = materialise(model, entry, framework, cache, lambda *_: None).artifact
        made[model] = artifact, entry.artifact_for(framework).preprocess
    for model, (artifact, preprocess) in made.items():
        backend = open_backend(framework)
        backend.load(artifact, threads=2)
        answers = backend.predict(samples(artifact, preprocess))
        np.savez(folder / f"{framework}-{model.replace('/', '-')}.npz", **answers)
        backend.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
