"""Instance segmentation: a mask for each object of a photograph."""

from loadscope.datasets.instance_segmentation.task import InstanceSegmentation

__all__ = ["TASK"]

TASK = InstanceSegmentation()
