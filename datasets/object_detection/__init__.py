"""Object detection on data sets in COCO's layout."""

from loadscope.datasets.object_detection.task import ObjectDetection

__all__ = ["TASK"]

TASK = ObjectDetection()
