"""What can be said of CNTK without importing it."""

from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.declared import Interpreter

INFO = BackendInfo(
    name="cntk",
    title="CNTK",
    location="loadscope.sut.cntk.program:CntkProgram",
    package="cntk",
    distributions=("cntk",),
    install="loadscope env create cntk",
    formats=("onnx-opset7", "cntk-v2"),
    files={"cntk-v2": (".cntk",)},
    trace_levels=("framework", "layer"),
    overheads={"layer": (1.0, 1.0)},
    tasks=("image-classification",),
    # The number of threads and the timing of nodes are the process's.
    one_caller=True,
    interpreter=Interpreter(
        oldest=(3, 6),
        newest=(3, 6),
        requirements="loadscope.sut.cntk:requirements.txt",
        prepare="loadscope.sut.cntk.mpi:make_libraries",
        layers="loadscope.sut.interpreter.means:describe",
    ),
)
