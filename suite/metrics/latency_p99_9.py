"""The latency that 99.9 % of the queries keep."""

from loadscope.suite.metrics.percentiles import percentile

METRIC = percentile(0.999, place=53)
