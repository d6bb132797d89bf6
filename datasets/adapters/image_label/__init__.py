"""Images, each with the class that it shows."""

from loadscope.datasets.adapters.image_label.form import ImageLabel
from loadscope.datasets.adapters.image_label.labelled import LabelledImages

__all__ = ["ImageLabel", "LabelledImages"]
