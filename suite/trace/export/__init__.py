"""Exports of a trace: OTLP over HTTP and as a file, Perfetto, tables of the layers.

``export_all`` never fails a run: what a target could not take is counted and said.
"""

from loadscope.suite.trace.export.everything import EXPORT_FILE, export_all
from loadscope.suite.trace.export.otlp_http import endpoint

__all__ = ["EXPORT_FILE", "endpoint", "export_all"]
