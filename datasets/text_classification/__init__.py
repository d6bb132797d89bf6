"""Text classification: a class for a whole sentence."""

from loadscope.datasets.text_classification.task import TextClassification

__all__ = ["TASK"]

TASK = TextClassification()
