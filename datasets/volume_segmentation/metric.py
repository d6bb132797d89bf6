"""What segmented volumes are scored by."""

from loadscope.datasets.metric import ScoreMetric

DICE = ScoreMetric("Dice", unit="", most=1.0)
