"""Recommendation: how likely somebody clicks."""

from loadscope.datasets.recommendation.task import Recommendation

__all__ = ["TASK"]

TASK = Recommendation()
