"""The time of each further token that 99 % of the queries keep."""

from loadscope.suite.metrics.token_percentiles import token_percentile

METRIC = token_percentile("tpot", "99", place=59)
