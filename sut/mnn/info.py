"""What can be said of MNN without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable

INFO = BackendInfo(
    name="mnn",
    title="MNN",
    location="loadscope.sut.mnn.backend:MnnBackend",
    package="MNN",
    distributions=("mnn",),
    install="pip install 'loadscope[mnn]'",
    formats=("mnn",),
    options={
        "dtype": Option(
            str,
            ("float32", "float16"),
            {"float16": "rounded to float16"},
            {"float32": "float32", "float16": "float16"},
        ),
    },
    tunables=(Tunable("dtype", ("float32", "float16"), numerics=True),),
    trace_levels=("framework", "layer"),
    tasks=("image-classification", "object-detection", "question-answering"),
    overheads={"layer": (0.96, 1.03)},
    notes=(
        "Files that LoadScope makes compute GELU by the error function; MNN's own converter takes "
        "its approximation by tanh.",
    ),
    weights="operators fused and weights reordered by MNN",
    # A session is planned anew for each shape.
    each_shape=True,
    files={"mnn": (".mnn",)},
    signature="loadscope.sut.mnn.signature:read",
    exporters=(
        Exporter(
            name="mnn",
            command="loadscope.tools.build.commands:mnn",
            does="converted from ONNX by MNN's converter, GELU by the error function",
            suffix=".mnn",
            needs=("mnn", "onnx"),
            install="pip install 'loadscope[mnn,export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
        ),
    ),
)
