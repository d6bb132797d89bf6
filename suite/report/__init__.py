"""Reports over run directories: a table for the terminal, JSON, an HTML page.

The page is ``loadscope.suite.report.page.build_page``; it is not imported here, since plotly
takes time to load and a table needs none of it.
"""

from loadscope.rundir.find import find_runs
from loadscope.suite.report.export import csv_text, run_record
from loadscope.suite.report.table import metrics_table, results_table
from loadscope.suite.report.wording import ordered
from loadscope.suite.run.view import RunView, load_run

__all__ = [
    "RunView",
    "csv_text",
    "find_runs",
    "load_run",
    "metrics_table",
    "ordered",
    "results_table",
    "run_record",
]
