"""What can be said of the backend that has no model."""

from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.interpreter.declared import Interpreter

INFO = BackendInfo(
    name="null",
    title="null (answers at once, for measuring the harness)",
    location="loadscope.sut.null.backend:NullBackend",
    package="",
    distributions=(),
    install="",
    formats=("none",),
    options={
        "delay_us": Option(float),
        "sample_us": Option(float),
        "crowded_from": Option(int),
        "shortcut": Option(bool),
        "fail_at": Option(int),
        "device_samples": Option(int),
        "threads_in_force": Option(int),
    },
    tunables=(Tunable("shortcut", (False, True)),),
    answers=False,
)

IN_INTERPRETER = BackendInfo(
    name="null-interpreter",
    title="null in another Python",
    location="loadscope.sut.null.program:NullProgram",
    package="",
    distributions=(),
    install="loadscope env create null-interpreter",
    formats=("none",),
    options={"delay_us": Option(float), "fail_at": Option(int), "end_at": Option(int)},
    trace_levels=("framework",),
    interpreter=Interpreter(),
    answers=False,
)
