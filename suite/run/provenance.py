"""What a result depends on beside its settings: the host and the versions."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import psutil

import loadscope
from loadscope.devices import devices_here
from loadscope.rundir.device_record import DeviceRecord
from loadscope.rundir.host_record import HostRecord
from loadscope.suite.run.host_identity import host_identity
from loadscope.sut.info import BackendInfo

_ENVIRONMENT = (
    "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_", "TORCH_", "MALLOC_",
    "LD_PRELOAD", "CUDA_VISIBLE_DEVICES", "NNPA_DEVICES", "ZDNN_", "OM_", "ONNX_MLIR_",
)  # fmt: skip


def host() -> HostRecord:
    """The machine, as the operating system tells it; nothing is made up."""
    return HostRecord(
        machine=platform.machine(),
        byte_order=sys.byteorder,
        processor=_processor(),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count(),
        usable_cores=tuple(sorted(os.sched_getaffinity(0))),
        memory_bytes=psutil.virtual_memory().total,
        system=platform.platform(),
        load_average=round(os.getloadavg()[0], 2),
        devices=tuple(DeviceRecord(**vars(device)) for device in devices_here()),
        environment={
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(_ENVIRONMENT)
        },
        identity=host_identity(),
    )


def versions(backend: BackendInfo | None = None) -> dict[str, str]:
    """Versions of everything that takes part in a run; without a backend, of all but it."""
    found = {
        "loadscope": loadscope.__version__,
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "mlcommons-loadgen": importlib.metadata.version("mlcommons-loadgen"),
    }
    version = backend and backend.version()
    return {**found, backend.name: version} if backend and version else found


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    # x86-64 says 'model name'; s390x has one line a processor with its machine number.
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "processor 0"):
            return value.strip()
    return None
