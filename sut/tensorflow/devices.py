"""Which devices an installed TensorFlow can use, told without importing it."""

import importlib.metadata

from loadscope.devices import CPU


def device_fault(name: str) -> tuple[str, str] | None:
    """Why this installation cannot use a device: what is missing, and the mend.

    Args:
        name: The device.
    """
    if name == CPU:
        return None
    try:
        version = importlib.metadata.version("tensorflow-cpu")
    except importlib.metadata.PackageNotFoundError:
        return None
    return (
        f"tensorflow-cpu {version} is built for the CPU alone",
        "pip uninstall tensorflow-cpu, then pip install 'tensorflow[and-cuda]'",
    )
