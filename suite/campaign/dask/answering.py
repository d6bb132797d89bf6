"""What Dask calls on a host. Text goes in and comes out; the function is known by its name."""

from loadscope.errors import WorkError
from loadscope.suite.campaign.host_folder import HostFolder

_HERE: list[HostFolder] = []


def serve(host: HostFolder) -> None:
    """Have this process answer for a host."""
    _HERE[:] = [host]


def answer(request: str) -> str:
    """Answer a request; see ``HostFolder.answer``.

    Raises:
        WorkError: This process answers for no host.
    """
    if not _HERE:
        raise WorkError("this process is no worker of a campaign", "start loadscope worker")
    return _HERE[0].answer(request)
