"""What can be said of ONNX Runtime without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.quantizer import Quantizer

_OPTIMIZED = "constants folded and operators fused by ONNX Runtime, graph optimisation"

INFO = BackendInfo(
    name="onnxruntime",
    title="ONNX Runtime",
    location="loadscope.sut.onnxruntime.backend:OnnxRuntimeBackend",
    package="onnxruntime",
    distributions=("onnxruntime", "onnxruntime-gpu"),
    install="pip install 'loadscope[onnxruntime]'",
    formats=("onnx", "ort"),
    options={
        "graph_optimization": Option(
            str,
            ("none", "basic", "extended", "all"),
            {None: f"{_OPTIMIZED} 'all'"}
            | {level: f"{_OPTIMIZED} '{level}'" for level in ("basic", "extended", "all")},
        ),
        "providers": Option(list),
        "tf32": Option(bool, numerics={True: "tf32"}),
        "dtype": Option(
            str,
            ("float32", "float16"),
            {"float16": "rounded to fp16"},
            {"float16": "float16"},
        ),
        "allow_spinning": Option(bool),
        "arena": Option(bool),
    },
    tunables=(Tunable("allow_spinning", (True, False)), Tunable("arena", (True, False))),
    devices=("cpu", "cuda"),
    device_fault="loadscope.sut.onnxruntime.devices:device_fault",
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.01)},
    # Each shape's memory is planned at its first call; unplanned, two workers wait for each
    # other's allocations.
    each_shape=True,
    exporters=(
        Exporter(
            name="onnx",
            command="loadscope.tools.build.commands:onnx",
            does="exported from PyTorch to ONNX, constants and batch norms folded",
            suffix=".onnx",
            needs=("torch", "onnx", "onnxscript"),
            install="pip install 'loadscope[export]'",
            code=("loadscope.sut.architectures", "loadscope.tools.build"),
            takes=("architecture", "classes", "size", "input-name", "output-name"),
            origin="state-dict",
            origin_option="state-dict",
        ),
        Exporter(
            name="onnx-from-tfjs",
            command="loadscope.tools.build.commands:onnx_from_tfjs",
            does="converted from a graph model of TensorFlow.js to ONNX",
            suffix=".onnx",
            needs=("onnx",),
            install="pip install 'loadscope[export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin_option="model",
            requires=("base", "base_sha256"),
        ),
        Exporter(
            name="onnx-from-program",
            command="loadscope.tools.build.commands:onnx_from_program",
            does="exported from PyTorch to ONNX, constants and batch norms folded",
            suffix=".onnx",
            needs=("torch", "onnx", "onnxscript"),
            install="pip install 'loadscope[export]'",
            code=("loadscope.tools.build",),
            takes=("input-name", "output-name"),
            origin="exported-program",
            origin_option="program",
        ),
    ),
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
    files={"onnx": (".onnx",), "ort": (".ort",)},
    signature="loadscope.sut.onnxruntime.signature:read",
    probe="loadscope.sut.onnxruntime.layer_values:OnnxRuntimeProbe",
    quantizer=Quantizer(
        location="loadscope.sut.onnxruntime.quantize:quantize",
        tool="ONNX Runtime's static quantisation",
        does="weights to int8 by output channel, activations to uint8 by their range, QDQ nodes",
        formats=("onnx",),
        makes="onnx",
        suffix=".onnx",
        needs=("onnxruntime|onnxruntime-gpu", "onnx"),
        install="pip install 'loadscope[onnxruntime,export]'",
    ),
    tasks=(
        "image-classification",
        "object-detection",
        "question-answering",
        "speech-recognition",
    ),
)
