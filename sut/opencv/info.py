"""What can be said of OpenCV DNN without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable

_LOCATION = "loadscope.sut.opencv.backend:OpenCvBackend"
_DISTRIBUTIONS = ("opencv-python-headless", "opencv-python", "python3-opencv")
_INSTALL = "pip install opencv-python-headless"
_OPTIONS = {"fusion": Option(bool), "winograd": Option(bool)}
_TUNABLES = (Tunable("winograd", (True, False)), Tunable("fusion", (True, False)))
_WEIGHTS = "batch norms folded into convolutions, and weights packed, by OpenCV"

INFO = BackendInfo(
    name="opencv",
    title="OpenCV DNN",
    location=_LOCATION,
    package="cv2",
    distributions=_DISTRIBUTIONS,
    install=_INSTALL,
    # OpenCV reads .tflite files too, and answers wrongly (4.11).
    formats=("onnx", "frozen-graph"),
    options=_OPTIONS,
    tunables=_TUNABLES,
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.0)},
    tasks=("image-classification", "object-detection"),
    notes=("Texts are refused: OpenCV has no operator for open shapes.",),
    weights=_WEIGHTS,
    # Its threads are the process's.
    one_caller=True,
    each_shape=True,
    files={"onnx": (".onnx",)},
    signature="loadscope.sut.opencv.signature:read",
    companions={"onnx": "loadscope.sut.onnx_files:external_data"},
)

CAFFE = BackendInfo(
    name="caffe",
    title="Caffe model on OpenCV DNN",
    location=_LOCATION,
    package="cv2",
    distributions=_DISTRIBUTIONS,
    install=_INSTALL,
    formats=("caffe",),
    options=_OPTIONS,
    tunables=_TUNABLES,
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.0)},
    tasks=("image-classification",),
    weights=_WEIGHTS,
    one_caller=True,
    each_shape=True,
    files={"caffe": (".prototxt",)},
    signature="loadscope.sut.opencv.signature:read",
    companions={"caffe": "loadscope.sut.opencv.files:weights"},
    exporters=(
        Exporter(
            name="caffe",
            command="loadscope.tools.build.commands:caffe",
            does="converted from ONNX to a Caffe network",
            suffix=".caffe.zip",
            needs=("onnx",),
            install="pip install 'loadscope[export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
        ),
    ),
)
