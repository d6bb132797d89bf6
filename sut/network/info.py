"""What can be said of a SUT on another host."""

from loadscope.sut.info import BackendInfo, Option
from loadscope.sut.network.protocol import PROTOCOL
from loadscope.sut.reach import Reach

INFO = BackendInfo(
    name="network",
    title="LoadScope on another host",
    location="loadscope.sut.network.backend:NetworkBackend",
    package="",
    distributions=(),
    install="",
    formats=("none",),
    options={"url": Option(str), "instance": Option(str)},
    answers=False,
    reach=Reach(PROTOCOL, "", "loadscope.sut.network.client:ask"),
)
