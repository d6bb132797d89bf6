"""What can be said of Caffe2 without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.declared import Interpreter

INFO = BackendInfo(
    name="caffe2",
    title="Caffe2",
    location="loadscope.sut.caffe2.program:Caffe2Program",
    package="caffe2",
    distributions=("torch",),
    install="loadscope env create caffe2",
    formats=("onnx-opset7", "caffe2-nets"),
    folders=("caffe2-nets",),
    files={"caffe2-nets": ("predict_net.pb",)},
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.0)},
    tasks=("image-classification",),
    # Its workspace is the process's.
    one_caller=True,
    exporters=(
        Exporter(
            name="onnx-opset7",
            command="loadscope.tools.build.commands:onnx_opset7",
            does="rewritten in opset 7 of ONNX",
            suffix=".onnx",
            needs=("onnx",),
            install="pip install 'loadscope[export]'",
            code=("loadscope.tools.convert", "loadscope.tools.build"),
            origin="onnx",
            origin_option="onnx",
        ),
    ),
    interpreter=Interpreter(
        oldest=(3, 7),
        newest=(3, 7),
        requirements="loadscope.sut.caffe2:requirements.txt",
        layers="loadscope.sut.interpreter.means:describe",
    ),
)
