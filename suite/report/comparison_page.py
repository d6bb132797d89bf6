"""The comparison of two runs as one HTML file that needs no network."""

from loadscope.suite.report.comparison import FIGURE_HEADINGS, RunComparison, figure_cells
from loadscope.suite.report.render import render


def build_runs_page(found: RunComparison) -> str:
    """Render the page: the figures, then what was run."""
    return render(
        "compare_runs.html",
        None,
        caveats=found.caveats,
        headings=FIGURE_HEADINGS,
        figure_rows=[figure_cells(one) for one in found.figures],
        facts=found.facts,
    )
