"""Volume segmentation: a class for each voxel of a scan."""

from loadscope.datasets.volume_segmentation.task import VolumeSegmentation

__all__ = ["TASK"]

TASK = VolumeSegmentation()
