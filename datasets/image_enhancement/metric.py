"""What enlarged photographs are scored by."""

import math

from loadscope.datasets.metric import ScoreMetric

PSNR = ScoreMetric("PSNR-Y", unit="dB", most=math.inf)
