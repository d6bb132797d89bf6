"""What can be said of TVM without importing it."""

from loadscope.sut.info import BackendInfo, Option

INFO = BackendInfo(
    name="tvm",
    title="TVM",
    location="loadscope.sut.tvm.backend:TvmBackend",
    package="tvm",
    distributions=("apache-tvm",),
    install="pip install 'loadscope[tvm,export]'",
    formats=("onnx",),
    options={"tuning_trials": Option(int)},
    trace_levels=("framework", "layer"),
    notes=("Compiled untuned: tuning ends the process in TVM 0.27.",),
    tasks=("image-classification",),
    weights="constants folded and operators fused by TVM's pipeline 'zero'",
    files={"onnx": (".onnx",)},
    signature="loadscope.sut.tvm.signature:read",
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)
