"""What can be said of ExecuTorch without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.declared import Interpreter

_INSTALL = "loadscope env create executorch"
_CODE = ("loadscope.sut.executorch", "loadscope.tools.build")
_DOES = "lowered to XNNPACK by ExecuTorch 1.5.1, batch norms folded and weights packed"

INFO = BackendInfo(
    name="executorch",
    title="ExecuTorch",
    location="loadscope.sut.executorch.program:ExecuTorchProgram",
    package="executorch",
    distributions=("executorch",),
    install=_INSTALL,
    formats=("pte",),
    trace_levels=("framework", "layer"),
    overheads={"layer": (0.99, 0.99)},
    tasks=("image-classification",),
    weights="packed by XNNPACK",
    # Methods of a process share XNNPACK's workspace and its pool of threads.
    one_caller=True,
    files={"pte": (".pte",)},
    exporters=(
        Exporter(
            name="executorch",
            command="loadscope.sut.executorch.command:executorch",
            does=_DOES,
            suffix=".pte",
            needs=("torch",),
            install="pip install 'loadscope[pytorch]'",
            code=(*_CODE, "loadscope.sut.architectures"),
            takes=("architecture", "classes", "size"),
            origin="state-dict",
            origin_option="state-dict",
        ),
        Exporter(
            name="executorch-from-program",
            command="loadscope.sut.executorch.command:executorch_from_program",
            does=_DOES,
            suffix=".pte",
            needs=(),
            install=_INSTALL,
            code=_CODE,
            origin="exported-program",
            origin_option="program",
        ),
    ),
    interpreter=Interpreter(
        oldest=(3, 11),
        newest=(3, 13),
        requirements="loadscope.sut.executorch:requirements.txt",
        layers="loadscope.sut.executorch.layers:describe",
    ),
)
