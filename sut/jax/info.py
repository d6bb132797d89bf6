"""What can be said of JAX without importing it."""

from loadscope.sut.info import BackendInfo

INFO = BackendInfo(
    name="jax",
    title="JAX",
    location="loadscope.sut.jax.backend:JaxBackend",
    package="jax",
    distributions=("jax",),
    install="pip install 'loadscope[jax]'",
    formats=("onnx",),
    devices=("cpu", "cuda"),
    device_fault="loadscope.sut.jax.devices:device_fault",
    trace_levels=("framework", "layer"),
    overheads={"layer": (0.98, 1.19)},
    tasks=("image-classification", "object-detection", "question-answering"),
    notes=("Layers are compiled and timed one by one; what XLA saves by joining them is missing.",),
    weights="made arguments of a function that XLA compiles",
    # XLA's pool of threads is the process's, and of the size that one call may have.
    one_caller=True,
    # Compiled at the first call of a shape.
    each_shape=True,
    files={"onnx": (".onnx",)},
    signature="loadscope.sut.jax.signature:read",
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)
