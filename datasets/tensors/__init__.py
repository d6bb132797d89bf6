"""Any model on any arrays, for its speed and its layers: there are no true answers."""

from loadscope.datasets.tensors.task import AnyTensors

__all__ = ["TASK"]

TASK = AnyTensors()
"""The task of taking a model's inputs as they are."""
