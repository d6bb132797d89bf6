"""What found instances are scored by."""

from loadscope.datasets.metric import ScoreMetric

MASK_MAP = ScoreMetric("mask mAP")
