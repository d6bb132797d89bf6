"""Image classification on data sets in ImageNet's layout."""

from loadscope.datasets.image_classification.task import ImageClassification

__all__ = ["TASK"]

TASK = ImageClassification()
