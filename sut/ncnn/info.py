"""What can be said of ncnn without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable

_ORDERED = (
    "weights reordered by ncnn, those of 3 x 3 convolutions transformed for Winograd's method"
)

INFO = BackendInfo(
    name="ncnn",
    title="ncnn",
    location="loadscope.sut.ncnn.backend:NcnnBackend",
    package="ncnn",
    distributions=("ncnn",),
    install="pip install 'loadscope[ncnn]'",
    formats=("ncnn",),
    options={
        "dtype": Option(
            str,
            ("float32", "float16", "bfloat16"),
            {"float16": "rounded to float16", "bfloat16": "rounded to bf16"},
            {"float32": "float32", "float16": "float16", "bfloat16": "bfloat16"},
        ),
        "winograd": Option(bool, weights={None: _ORDERED, True: _ORDERED}),
    },
    tunables=(
        Tunable("winograd", (True, False)),
        Tunable("dtype", ("float32", "bfloat16", "float16"), numerics=True),
    ),
    trace_levels=("framework", "layer"),
    tasks=("image-classification", "object-detection"),
    overheads={"layer": (1.17, 1.52)},
    notes=(
        "Texts are refused: networks of images alone.",
        "Layers are timed by asking for the result of each in turn, which is slower.",
    ),
    weights="operators fused by pnnx",
    files={"ncnn": (".ncnn.zip", ".param")},
    signature="loadscope.sut.ncnn.signature:read",
    companions={"ncnn": "loadscope.sut.ncnn.files:weights"},
    exporters=(
        Exporter(
            name="ncnn",
            command="loadscope.tools.build.commands:ncnn",
            does="converted from ONNX by pnnx to ncnn's operators, one sample at a time",
            suffix=".ncnn.zip",
            needs=("ncnn", "pnnx", "onnx"),
            install="pip install 'loadscope[ncnn,export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build", "loadscope.sut.ncnn.files"),
            origin="onnx",
            origin_option="onnx",
        ),
    ),
)
