"""What can be said of OpenVINO without importing it."""

from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.quantizer import Quantizer

_FUSED = "constants folded, operators fused and weights reordered by OpenVINO"

INFO = BackendInfo(
    name="openvino",
    title="OpenVINO",
    location="loadscope.sut.openvino.backend:OpenVinoBackend",
    package="openvino",
    distributions=("openvino",),
    install="pip install 'loadscope[openvino]'",
    formats=("onnx", "openvino-ir"),
    options={
        "dtype": Option(
            str,
            ("float32", "bfloat16"),
            {"bfloat16": "rounded to bf16"},
            {"float32": "float32", "bfloat16": "bfloat16"},
        ),
        "pinning": Option(bool),
    },
    tunables=(
        Tunable("pinning", (False, True)),
        Tunable("dtype", ("float32", "bfloat16"), numerics=True),
    ),
    devices=("cpu", "gpu", "npu"),
    device_fault="loadscope.sut.openvino.devices:device_fault",
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.01)},
    tasks=("image-classification", "object-detection", "question-answering"),
    weights=_FUSED,
    # The kernels of a shape are made at its first call.
    each_shape=True,
    files={"onnx": (".onnx",), "openvino-ir": (".xml",)},
    signature="loadscope.sut.openvino.signature:read",
    companions={
        "onnx": "loadscope.sut.onnx_files:external_data",
        "openvino-ir": "loadscope.sut.openvino.files:weights",
    },
    quantizer=Quantizer(
        location="loadscope.sut.openvino.quantize:quantize",
        tool="NNCF",
        does="weights to int8 by output channel, activations to uint8 by their range",
        formats=("openvino-ir", "onnx"),
        makes="openvino-ir",
        suffix=".xml",
        needs=("nncf", "openvino"),
        install="pip install 'loadscope[openvino,nncf]'",
    ),
)
