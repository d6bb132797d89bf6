"""Two traces compared: layers aligned by the model's graph, times side by side."""

from loadscope.suite.trace.compare.comparison import Comparison, compare, comparison_record
from loadscope.suite.trace.compare.terminal import comparison_tables

__all__ = ["Comparison", "compare", "comparison_record", "comparison_tables"]
