"""What foretold clicks are scored by."""

import math

from loadscope.datasets.metric import ScoreMetric

AUC = ScoreMetric("AUC", unit="", most=1.0)
NE = ScoreMetric("NE", unit="", better="lower", most=math.inf)
ACCURACY = ScoreMetric("accuracy", unit="", most=1.0)
METRICS = {metric.name: metric for metric in (AUC, NE, ACCURACY)}
