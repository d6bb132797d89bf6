"""What can be said of onnx-mlir without importing its runtime."""

from loadscope.sut.info import BackendInfo, Option

INFO = BackendInfo(
    name="onnxmlir",
    title="onnx-mlir (IBM Z Deep Learning Compiler)",
    location="loadscope.sut.onnxmlir.backend:OnnxMlirBackend",
    package="PyRuntime",
    distributions=(),
    install="put the folder of the compiler's PyRuntime on PYTHONPATH; see docs/ibm-z.md",
    formats=("onnx", "onnx-mlir-library"),
    options={
        # An IBM Z's NNPA computes in DLFLOAT16.
        "accelerator": Option(
            str, ("NNPA",), {"NNPA": "rounded to DLFLOAT16 for the NNPA"}, {"NNPA": "dlfloat16"}
        ),
        "march": Option(str),
        "optimization": Option(int),
        "compiler": Option(str),
    },
    devices=("cpu", "nnpa"),
    trace_levels=("framework", "layer"),
    weights="compiled into a library by onnx-mlir",
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)
