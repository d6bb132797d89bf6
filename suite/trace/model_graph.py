"""What feeds what: the connections between the layers of a trace, as the model's file has them."""

import importlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from loadscope.errors import InputError, LoadScopeError
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.tracing.layers import Layer

Connections = frozenset[tuple[int, int]]
"""Pairs of layers by index: what the first gives, the second takes."""


def model_file(run_dir: Path) -> Path | None:
    """The file that a run has loaded, where it is on this machine and has not changed."""
    run = RunDirectory(run_dir)
    try:
        record, path = run.read(), ProcessPlan.of(run).artifact.path
        status = path.stat()
    except (LoadScopeError, OSError):
        return None
    known = (record.model.files or {}).get(path.name)
    if known is None or not path.is_file():
        return None
    return path if _digest(path, status.st_size, status.st_mtime_ns) == known else None


def connections(run_dir: Path, layers: Sequence[Layer]) -> Connections:
    """The connections between layers; empty where the file is no ONNX, or is not here.

    An operator that is no layer, for it was folded or left out, hands on what it takes.

    Args:
        run_dir: The run.
        layers: Of its trace.
    """
    path = model_file(run_dir)
    if path is None or path.suffix != ".onnx":
        return frozenset()
    try:
        nodes = _nodes(path, path.stat().st_mtime_ns)
    except (InputError, OSError):
        return frozenset()
    return _connected(nodes, layers)


Node = tuple[str, tuple[str, ...], tuple[str, ...]]
"""An operator: its name, what it takes, and what it gives."""


def _connected(nodes: Iterable[Node], layers: Sequence[Layer]) -> Connections:
    layer_of = {name: layer.index for layer in layers if not layer.within
                for name in (*layer.constituents, layer.name)}  # fmt: skip
    sources: dict[str, frozenset[int]] = {}
    found: set[tuple[int, int]] = set()
    for name, taken, given in nodes:
        before = frozenset[int]().union(*(sources.get(one, frozenset()) for one in taken))
        own = layer_of.get(name)
        if own is not None:
            found |= {(one, own) for one in before if one < own}
            before = frozenset([own])
        sources |= dict.fromkeys(given, before)
    return frozenset(found)


@lru_cache(8)
def _nodes(path: Path, changed: int) -> tuple[Node, ...]:
    """The operators of an ONNX file, in its order, in which what is taken was given before.

    Raises:
        InputError: It cannot be read, or onnx is not installed.
    """
    try:
        onnx: Any = importlib.import_module("onnx")
        graph = onnx.load(path, load_external_data=False).graph
    except ImportError as error:
        raise InputError("onnx is not installed", "pip install 'loadscope[onnxruntime]'") from error
    except Exception as error:
        # Of protobuf: it has no common base.
        raise InputError(f"{path.name}: no ONNX file: {error}") from error
    return tuple((node.name, tuple(node.input), tuple(node.output)) for node in graph.node)


@lru_cache(32)
def _digest(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)
