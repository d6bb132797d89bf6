"""What a host says of itself before and between the runs of a campaign."""

import importlib.metadata
import platform
import shutil
import time
from pathlib import Path

import psutil

import loadscope
from loadscope.errors import WorkError
from loadscope.suite.campaign.job import HostFacts
from loadscope.suite.run.machine import measurements
from loadscope.suite.run.provenance import host

_LOOK_SECONDS = 0.5


def host_facts(name: str, root: Path) -> HostFacts:
    """Look at this host; takes half a second.

    Args:
        name: As the campaign calls it.
        root: The folder of its jobs, made if need be.

    Raises:
        WorkError: The folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
    except OSError as error:
        raise WorkError(f"cannot make {root}: {error.strerror}", "choose another folder") from error
    here = host()
    return HostFacts(
        name=name,
        machine=here.machine,
        processor=here.processor,
        loadscope=loadscope.__version__,
        loadgen=importlib.metadata.version("mlcommons-loadgen"),
        python=platform.python_version(),
        devices=tuple(device.name for device in here.devices),
        clock=time.time(),
        free_bytes=free,
        others_percent=psutil.cpu_percent(_LOOK_SECONDS),
        measuring=len(measurements()),
    )
