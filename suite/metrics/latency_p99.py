"""The latency that 99 % of the queries keep."""

from loadscope.suite.metrics.percentiles import percentile

METRIC = percentile(0.99, place=52)
