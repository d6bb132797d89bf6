"""What an installation of JAX can compute on, told without importing it."""

import importlib.util

_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")


def device_fault(device: str) -> tuple[str, str] | None:
    """Why JAX cannot use a device, and the mend; None where nothing is known against it."""
    if not device.startswith("cuda") or any(map(importlib.util.find_spec, _PLUGINS)):
        return None
    return "its plug-in for CUDA is not installed", "pip install 'jax[cuda12]' in this version"
