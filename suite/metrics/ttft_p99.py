"""The time to the first token that 99 % of the queries keep."""

from loadscope.suite.metrics.token_percentiles import token_percentile

METRIC = token_percentile("ttft", "99", place=56)
