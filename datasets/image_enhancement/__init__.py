"""Image enhancement: a photograph enlarged."""

from loadscope.datasets.image_enhancement.task import ImageEnhancement

__all__ = ["TASK"]

TASK = ImageEnhancement()
