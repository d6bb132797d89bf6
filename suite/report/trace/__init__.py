"""Reports on traces: tables for the terminal, JSON, an HTML page.

The page is ``loadscope.suite.report.trace.page.build_trace_page``; it is not imported here,
since plotly takes time to load and a table needs none of it.
"""

from loadscope.suite.report.trace.record import trace_record
from loadscope.suite.report.trace.terminal import trace_tables

__all__ = ["trace_record", "trace_tables"]
