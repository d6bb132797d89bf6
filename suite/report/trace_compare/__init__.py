"""Two traces compared: layers aligned by the model's graph, times side by side."""

from loadscope.suite.report.trace_compare.comparison import (
    TraceComparison,
    compare,
    comparison_record,
)
from loadscope.suite.report.trace_compare.terminal import comparison_tables

__all__ = ["TraceComparison", "compare", "comparison_record", "comparison_tables"]
