from pathlib import Path
from typing import Any

import pytest

from loadscope.submission.rounds import load_round
from loadscope.suite.report.submission import read_submission, side_by_side
from loadscope.suite.report.submission_page import submission_page


@pytest.fixture(scope="session", params=[1, 2], ids=["alone", "compared"])
def page(
    request: pytest.FixtureRequest, passing_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    results = read_submission(passing_tree, load_round())
    rows = side_by_side(results, results if request.param == 2 else ())
    path: Path = tmp_path_factory.mktemp("page") / "submission.html"
    titles = ["a/long/folder/of/a/submission"] * int(request.param)
    path.write_text(submission_page(rows, titles), encoding="utf-8")
    return path


def test_rows_fill_the_columns_of_the_head(browser: Any, page: Path) -> None:
    browser.open(page)
    columns = browser.evaluate("document.querySelectorAll('thead th').length")
    counts = browser.evaluate(
        "[...document.querySelectorAll('tbody tr')].map((row) =>"
        " [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0))"
    )
    assert counts == [columns] * 7
    # Four results of a benchmark with two compliance tests, on one side or on two.
    tests = browser.evaluate("document.querySelectorAll('.test .valid').length")
    assert tests == (16 if columns > 6 else 8)


def test_nothing_is_asked_of_the_network_and_nothing_complained_of(
    browser: Any, page: Path
) -> None:
    browser.open(page)
    assert browser.requested() == [page.as_uri()]
    assert browser.console() == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_table_scrolls_and_the_page_does_not(browser: Any, page: Path, width: int) -> None:
    browser.open(page, width=width)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    table = "document.querySelector('.scroll')"
    fits = browser.evaluate(f"{table}.scrollWidth <= {table}.clientWidth")
    assert fits == (width > 360)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_end_where_the_figures_say(browser: Any, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)
    widths = browser.evaluate(
        "[...document.querySelectorAll('svg')].map((bar) => [...bar.querySelectorAll('rect')]"
        ".map((rect) => rect.getBoundingClientRect().width))"
    )
    compared = browser.evaluate("document.querySelectorAll('thead th').length") > 6
    assert widths == [[100, 50, 1]] * (5 if compared else 0)
    colour = "getComputedStyle(document.querySelector('.test .valid')).color"
    assert browser.evaluate(colour) == (
        "rgb(20, 104, 58)" if scheme == "light" else "rgb(111, 212, 154)"
    )
