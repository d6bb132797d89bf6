"""The time to the first token that 50 % of the queries keep."""

from loadscope.suite.metrics.token_percentiles import token_percentile

METRIC = token_percentile("ttft", "50", place=54)
