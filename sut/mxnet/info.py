"""What can be said of MXNet without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable

_FUSED = "batch norms folded and operators fused by MXNet for oneDNN"

INFO = BackendInfo(
    name="mxnet",
    title="MXNet",
    location="loadscope.sut.mxnet.backend:MxnetBackend",
    package="mxnet",
    distributions=("mxnet",),
    install="pip install 'loadscope[mxnet]'",
    formats=("symbol",),
    options={
        "engine_workers": Option(int),
        "executors": Option(int),
        "fusion": Option(bool, weights={None: _FUSED, True: _FUSED}),
    },
    tunables=(Tunable("fusion", (True, False)),),
    trace_levels=("framework", "layer", "library"),
    overheads={"layer": (0.99, 1.02)},
    # With two its engine now and then loses an operator, and all wait for it without end.
    one_caller=True,
    each_shape=True,
    exporters=(
        Exporter(
            name="mxnet",
            command="loadscope.tools.build.commands:mxnet",
            does="converted from ONNX to an MXNet symbol",
            suffix=".zip",
            needs=("mxnet", "onnx"),
            install="pip install 'loadscope[mxnet,export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
            makes="symbol",
        ),
    ),
    files={"symbol": ("-symbol.json", ".zip")},
    signature="loadscope.sut.mxnet.signature:read",
    companions={"symbol": "loadscope.sut.mxnet.files:parameters"},
    tasks=("image-classification", "object-detection", "question-answering"),
)
