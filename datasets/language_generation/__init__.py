"""Language generation: an answer to a prompt, token by token."""

from loadscope.datasets.language_generation.task import LanguageGeneration

__all__ = ["TASK"]

TASK = LanguageGeneration()
