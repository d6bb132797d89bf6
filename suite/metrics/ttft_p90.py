"""The time to the first token that 90 % of the queries keep."""

from loadscope.suite.metrics.token_percentiles import token_percentile

METRIC = token_percentile("ttft", "90", place=55)
