"""Backends: one framework each behind one protocol, imported only when chosen."""

from loadscope.sut.backend import Artifact, Backend, TensorInfo
from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.registry import BACKENDS, backend_info, open_backend

__all__ = [
    "BACKENDS",
    "Artifact",
    "Backend",
    "BackendInfo",
    "Option",
    "TensorInfo",
    "Tunable",
    "backend_info",
    "open_backend",
]
