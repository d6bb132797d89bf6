"""ONNX to an MXNet symbol of native operators, with its parameters beside it in one archive."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from loadscope.files import replacing
from loadscope.tools.convert.graph import read_graph
from loadscope.tools.convert.mxnet_emitter import MxnetEmitter, mx
from loadscope.tools.convert.mxnet_ops import handles
from loadscope.tools.convert.simplify import simplify


def convert(source: Path, output: Path) -> None:
    """Write a symbol and parameters that compute what an ONNX file does.

    Names of inputs and outputs are those of the ONNX file; an output ``x`` is MXNet's
    ``x_output``.

    Args:
        source: The ONNX file.
        output: A zip archive of ``model-symbol.json`` and ``model-0000.params``.

    Raises:
        InputError: The file is not usable, or has an operator that is not converted here; the
            message names operator and node.
    """
    graph = read_graph(source)
    simplify(graph)
    emitter = MxnetEmitter(graph)
    for node in graph.nodes:
        handler = handles.of(graph, node)
        handler(emitter, node)
    results = [mx.sym.identity(emitter.symbol(name), name=name) for name in graph.outputs]
    symbol = mx.sym.Group(results)
    used = set(symbol.list_arguments())
    arrays = {
        f"arg:{name}": mx.nd.array(array, dtype=array.dtype)
        for name, array in emitter.parameters.items()
        if name in used
    }
    with replacing(output) as temporary:
        pack(temporary, symbol.tojson(), arrays)


def pack(path: Path, symbol: str, arrays: dict[str, Any]) -> None:
    """Write an archive of ``model-symbol.json`` and ``model-0000.params``.

    Args:
        path: The archive.
        symbol: The symbol as JSON.
        arrays: MXNet's arrays, their names with ``arg:`` or ``aux:`` before them.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        parameters = Path(folder) / "model-0000.params"
        mx.nd.save(str(parameters), arrays)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (
                ("model-symbol.json", io.BytesIO(symbol.encode())),
                (parameters.name, parameters.open("rb")),
            ):
                # A fixed date keeps equal models equal, byte for byte.
                with content, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    while block := content.read(1 << 20):
                        member.write(block)
