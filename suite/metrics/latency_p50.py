"""The latency that 50 % of the queries keep."""

from loadscope.suite.metrics.percentiles import percentile

METRIC = percentile(0.5, place=50)
