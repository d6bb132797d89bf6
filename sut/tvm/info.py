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
    overheads={"layer": (1.0, 1.0)},
    notes=(
        "Compiled untuned: MetaSchedule of TVM 0.27, given 18 trials of a small network, had begun "
        "none after a minute of CPU time, in which it read its table of instructions. A "
        "segmentation fault in which an earlier try had ended was not seen again.",
    ),
    tasks=("image-classification", "object-detection", "question-answering"),
    weights="constants folded and operators fused by TVM's pipeline 'zero'",
    files={"onnx": (".onnx",)},
    signature="loadscope.sut.tvm.signature:read",
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)
