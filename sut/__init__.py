"""Backends: one framework each behind one protocol, imported only when chosen."""

from loadscope.sut.backend import Artifact, Backend, TensorInfo
from loadscope.sut.registry import BACKENDS, BackendInfo, backend_info, open_backend

__all__ = [
    "BACKENDS",
    "Artifact",
    "Backend",
    "BackendInfo",
    "TensorInfo",
    "backend_info",
    "open_backend",
]
