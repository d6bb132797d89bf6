"""Question answering on data sets in SQuAD's format."""

from loadscope.datasets.question_answering.task import QuestionAnswering

__all__ = ["TASK"]

TASK = QuestionAnswering()
