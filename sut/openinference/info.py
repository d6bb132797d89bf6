"""What can be said of a server of the Open Inference Protocol."""

from loadscope.sut.info import BackendInfo, Option
from loadscope.sut.openinference.protocol import PATH, PROTOCOL
from loadscope.sut.reach import Reach

INFO = BackendInfo(
    name="openinference",
    title="a server of the Open Inference Protocol (KServe, Triton)",
    location="loadscope.sut.openinference.backend:OpenInferenceBackend",
    package="",
    distributions=(),
    install="",
    formats=("none",),
    options={"url": Option(str)},
    answers=False,
    reach=Reach(PROTOCOL, PATH, "loadscope.sut.openinference.backend:ask"),
)
