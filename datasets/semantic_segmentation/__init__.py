"""Semantic segmentation: a class for each pixel of a photograph."""

from loadscope.datasets.semantic_segmentation.task import SemanticSegmentation

__all__ = ["TASK"]

TASK = SemanticSegmentation()
