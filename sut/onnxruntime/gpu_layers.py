"""When nodes of ONNX Runtime ran on a GPU: its profile times their launching alone."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from loadscope.sut.tracing.gpu_kernels import Kernel

_CPU = "CPUExecutionProvider"


def on_device(
    events: list[dict[str, Any]], kernels: Sequence[Kernel], origin: int
) -> list[dict[str, Any]]:
    """A profile whose nodes last from the first of their kernels to the last.

    A node of the CPU keeps its times; one of a GPU that ran no kernel is left out, for it took no
    time there.

    Args:
        events: The profile.
        kernels: Of it.
        origin: The profile's start, unix nanoseconds.
    """
    of_parent: defaultdict[str, list[Kernel]] = defaultdict(list)
    for kernel in kernels:
        of_parent[kernel.parent].append(kernel)
    begun: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["cat"] == "Node":
            begun[event["name"]].append(origin + event["ts"] * 1000)
    found = []
    for event in events:
        if event["cat"] != "Node" or event["args"].get("provider") == _CPU:
            found.append(event)
            continue
        start = origin + event["ts"] * 1000
        # A call waits for its outputs, so its kernels are over before the node runs again.
        later = [at for at in begun[event["name"]] if at > start]
        own = [
            kernel
            for kernel in of_parent[event["name"]]
            if start <= kernel.start_ns < min(later, default=kernel.start_ns + 1)
        ]
        if own:
            first, last = own[0].start_ns, max(kernel.end_ns for kernel in own)
            times = {"ts": (first - origin) // 1000, "dur": (last - first) // 1000}
            found.append({**event, **times})
    return found
