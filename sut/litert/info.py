"""What can be said of LiteRT without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.quantizer import Quantizer

INFO = BackendInfo(
    name="litert",
    title="LiteRT",
    location="loadscope.sut.litert.backend:LiteRtBackend",
    package="ai_edge_litert",
    distributions=("ai-edge-litert",),
    install="pip install 'loadscope[litert]'",
    formats=("tflite",),
    options={"delegate": Option(str, ("xnnpack", "none"))},
    tunables=(Tunable("delegate", ("xnnpack", "none")),),
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.01, 1.01)},
    tasks=("image-classification", "object-detection", "question-answering"),
    weights="packed by XNNPACK",
    # Memory is planned and kernels are set up for each shape.
    each_shape=True,
    files={"tflite": (".tflite",)},
    signature="loadscope.sut.litert.signature:read",
    exporters=(
        Exporter(
            name="litert",
            command="loadscope.tools.build.commands:litert",
            does="converted from ONNX to a TensorFlow graph, and from that to a .tflite file",
            suffix=".tflite",
            needs=("tensorflow-cpu|tensorflow", "onnx"),
            install="pip install 'loadscope[tensorflow,export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
        ),
    ),
    quantizer=Quantizer(
        location="loadscope.tools.convert.litert_int8:quantize",
        tool="TensorFlow's TFLite converter",
        does="weights to int8 by output channel, activations to int8 by their range",
        formats=("onnx",),
        makes="tflite",
        suffix=".tflite",
        needs=("tensorflow-cpu|tensorflow", "onnx"),
        install="pip install 'loadscope[tensorflow,export]'",
        layout="NHWC",
    ),
)
