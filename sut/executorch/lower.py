"""Lowers a program of PyTorch's to a ``.pte`` file; runs in ExecuTorch's own Python."""

import warnings
from pathlib import Path
from typing import Any

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower

from loadscope.sut.executorch.notes import append_notes
from loadscope.sut.interpreter.guest.errors import InputError, WorkError

_SKIPPED = ("getitem", "alloc")


def lower(source: str, target: str) -> None:
    """Lower a program.

    Args:
        source: A ``.pt2`` archive.
        target: The file to write.

    Raises:
        InputError: It is no such archive, was saved by another version of PyTorch, or has an
            operator that ExecuTorch lacks; the message names operator, node and module.
        WorkError: ExecuTorch cannot lower it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.load(source)
        except Exception as error:
            raise InputError(
                "ExecuTorch cannot read {}: {}".format(source, " ".join(str(error).split())[:300]),
                f"save it with torch.export.save of PyTorch {torch.__version__}",
            ) from error
        try:
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            made = lowered.to_executorch()
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            fix = "use another framework for this model"
            for node in program.graph.nodes:
                if node.op == "call_function" and f"{node.target} is not in" in said:
                    raise InputError(
                        f"ExecuTorch cannot lower {source}: {node.target} '{node.name}' in "
                        f"{_module_path(node) or 'the model itself'}: no such operator",
                        fix,
                    ) from error
            raise WorkError(f"ExecuTorch cannot lower {source}: {said}", fix) from error
    with Path(target).open("wb") as file:
        made.write_to_file(file)
    append_notes(target, _instructions(made.exported_program().graph_module))


def _instructions(module: Any) -> list[list[dict[str, Any]]]:
    """The operators of each instruction, in the order in which they are run."""
    found = []
    for node in module.graph.nodes:
        if node.op != "call_function" or any(part in node.name for part in _SKIPPED):
            continue
        if "call_delegate" in node.name:
            inner = getattr(module, node.args[0].target).original_module.graph_module
            found.append([_operator(one) for one in inner.graph.nodes if one.op == "call_function"])
        else:
            found.append([_operator(node)])
    return [[one for one in each if one is not None] for each in found]


def _operator(node: Any) -> dict[str, Any] | None:
    value = node.meta.get("val")
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    if not isinstance(value, torch.Tensor):
        return None
    given = node.all_input_nodes
    inputs = [one for one in given if isinstance(one.meta.get("val"), torch.Tensor)]
    name = getattr(node.target, "__name__", str(node.target))
    return {
        "name": _module_path(node) or node.name,
        "node": node.name,
        # convolution of aten.convolution.default, mean of mean.out
        "operator": name.replace("aten.", "").replace("aten::", "").split(".")[0],
        "from": [one.name for one in given],
        "inputs": [list(map(int, one.meta["val"].shape)) for one in inputs],
        "output": list(map(int, value.shape)),
        "dtype": str(value.dtype).replace("torch.", ""),
    }


def _module_path(node: Any) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""
