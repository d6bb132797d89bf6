"""ONNX's operators in JAX's: all that there are, by name."""

from loadscope.sut.jax import arithmetic, shaping, windows
from loadscope.sut.jax.registry import OPERATORS, Unsupported

__all__ = ["OPERATORS", "Unsupported", "arithmetic", "shaping", "windows"]
