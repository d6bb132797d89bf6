"""What can be said of it without importing it."""

from loadscope.sut import BackendInfo, Option, Tunable

INFO = BackendInfo(
    name="numpy-average",
    title="NumPy Average",
    location="outside_backend.backend:Average",
    package="numpy",
    distributions=("outside-backend",),
    install="pip install outside-backend",
    formats=("onnx",),
    options={"dtype": Option(str, ("float32", "float64"), numerics={"float64": "float64"})},
    tunables=(Tunable("dtype", ("float32", "float64"), numerics=True),),
    trace_levels=("framework",),
)
