"""ONNX to a Caffe network: its ``.prototxt`` and ``.caffemodel``, in one archive."""

import zipfile
from pathlib import Path

from loadscope.files import replacing
from loadscope.tools.convert.caffe_emitter import CaffeEmitter
from loadscope.tools.convert.caffe_ops import handles
from loadscope.tools.convert.graph import read_graph
from loadscope.tools.convert.simplify import simplify


def convert(source: Path, output: Path) -> None:
    """Write a Caffe network that computes what an ONNX file does.

    Names of inputs and outputs are those of the ONNX file; layers are named by its nodes.

    Args:
        source: The ONNX file.
        output: The archive, of ``deploy.prototxt`` and ``deploy.caffemodel``.

    Raises:
        InputError: The file is not usable, or has an operator that is not converted here; the
            message names operator and node.
    """
    graph = read_graph(source)
    simplify(graph)
    emitter = CaffeEmitter(graph)
    for node in graph.nodes:
        handles.of(graph, node)(emitter, node)
    with (
        replacing(output) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        # Without a date, so that the same network is the same file.
        archive.writestr(zipfile.ZipInfo("deploy.prototxt"), emitter.prototxt())
        archive.writestr(zipfile.ZipInfo("deploy.caffemodel"), emitter.caffemodel())
