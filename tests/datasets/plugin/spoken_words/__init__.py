"""Clips of spoken words, scored by word error rate."""

from spoken_words.task import SpokenWords

__all__ = ["TASK"]

TASK = SpokenWords()
