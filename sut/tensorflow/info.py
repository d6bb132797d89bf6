"""What can be said of TensorFlow without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable

INFO = BackendInfo(
    name="tensorflow",
    title="TensorFlow",
    location="loadscope.sut.tensorflow.backend:TensorFlowBackend",
    package="tensorflow",
    distributions=("tensorflow-cpu", "tensorflow"),
    install="pip install 'loadscope[tensorflow]'",
    formats=("frozen-graph", "saved-model", "keras"),
    folders=("saved-model",),
    options={
        "inter_op": Option(int),
        "signature": Option(str),
        "dtype": Option(
            str,
            ("float32", "bfloat16"),
            {"bfloat16": "rounded to bf16 in the operators of oneDNN's mixed-precision pass"},
            {"float32": "float32", "bfloat16": "bfloat16"},
        ),
    },
    devices=("cpu", "cuda"),
    device_fault="loadscope.sut.tensorflow.devices:device_fault",
    tunables=(
        Tunable("inter_op", (-1, 1, 2)),
        Tunable("dtype", ("float32", "bfloat16"), numerics=True),
    ),
    trace_levels=("framework", "layer", "library"),
    overheads={"layer": (1.01, 1.03)},
    files={
        "saved-model": ("saved_model.pb",),
        "frozen-graph": (".pb",),
        "keras": (".keras", ".h5"),
    },
    signature="loadscope.sut.tensorflow.signature:read",
    weights="made constants; folded and fused by Grappler",
    exporters=(
        Exporter(
            name="tensorflow",
            command="loadscope.tools.build.commands:tensorflow",
            does="converted from ONNX to a TensorFlow graph",
            suffix=".pb",
            needs=("tensorflow-cpu|tensorflow", "onnx"),
            install="pip install 'loadscope[tensorflow,export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
            makes="frozen-graph",
            layout="NHWC",
        ),
    ),
    tasks=("image-classification", "object-detection", "question-answering"),
)
