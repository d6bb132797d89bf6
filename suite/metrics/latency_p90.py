"""The latency that 90 % of the queries keep."""

from loadscope.suite.metrics.percentiles import percentile

METRIC = percentile(0.9, place=51)
