"""Which devices an installed ONNX Runtime can use, told without importing it."""

import importlib.util
from pathlib import Path

from loadscope.devices import CUDA, kind_of


def device_fault(name: str) -> tuple[str, str] | None:
    """Why this installation cannot use a device: what is missing, and the mend.

    Args:
        name: The device.
    """
    spec = importlib.util.find_spec("onnxruntime")
    if kind_of(name) != CUDA or spec is None or spec.origin is None:
        return None
    library = Path(spec.origin).parent / "capi" / "libonnxruntime_providers_cuda.so"
    if library.exists():
        return None
    return (
        f"{library.name} is not in this build",
        "pip uninstall onnxruntime, then pip install onnxruntime-gpu",
    )
