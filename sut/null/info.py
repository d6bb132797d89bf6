"""What can be said of the backend that has no model."""

from loadscope.sut.info import BackendInfo, Option, Tunable

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
