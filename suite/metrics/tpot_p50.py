"""The time of each further token that 50 % of the queries keep."""

from loadscope.suite.metrics.token_percentiles import token_percentile

METRIC = token_percentile("tpot", "50", place=57)
