"""What can be said of TensorRT without importing it."""

from loadscope.sut.info import BackendInfo, Option

INFO = BackendInfo(
    name="tensorrt",
    title="TensorRT",
    location="loadscope.sut.tensorrt.backend:TensorRtBackend",
    package="tensorrt",
    distributions=("tensorrt", "tensorrt-cu13", "tensorrt-cu12"),
    install="pip install tensorrt cuda-python, beside NVIDIA's driver; see docs/devices.md",
    formats=("onnx",),
    options={
        "tf32": Option(bool, numerics={True: "tf32"}),
        "dtype": Option(
            str,
            ("float32", "float16"),
            {"float16": "rounded to fp16 where TensorRT finds that faster"},
            {"float16": "float16"},
        ),
    },
    devices=("cuda",),
    trace_levels=("framework", "layer"),
    weights="constants folded, operators fused and kernels chosen by TensorRT",
    # An engine is of a range of batches, and one beyond it is built when it is met.
    each_shape=True,
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)
