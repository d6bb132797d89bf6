import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.suite.report import load_run
from loadscope.suite.report.page import build_page

LATENCIES = (6e6 * np.random.default_rng(3).lognormal(0, 0.05, 4000)).astype(np.int64)
BATCHES = np.array([[0, 2_000_000_000, 8, 0], [0, 3_000_000_000, 4, 1]])
PLOTS = 4
TRACE_COLOUR = (
    "getComputedStyle(document.querySelector('#model-1-SingleStream-percentiles .js-line')).stroke"
)


@pytest.fixture
def page(make_run: Callable[..., Path], tmp_path: Path) -> Path:
    runs = [
        make_run("a", latencies=LATENCIES),
        make_run("b", framework="pytorch", latencies=2 * LATENCIES),
        make_run(
            "c", scenario="Offline", batches=BATCHES, log={"result_samples_per_second": 123456.7}
        ),
    ]
    path = tmp_path / "report.html"
    path.write_text(build_page([load_run(run) for run in runs]), encoding="utf-8")
    return path


@pytest.fixture
def outside() -> Iterator[str]:
    """The address of a server that stands for the network."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/outside.png"
        server.shutdown()
        thread.join()


def test_the_page_is_drawn_and_asks_nothing_of_the_network(browser: Any, page: Path) -> None:
    browser.open(page)
    assert browser.evaluate("document.querySelectorAll('.chart').length") == PLOTS
    assert browser.evaluate("document.querySelectorAll('.chart .cartesianlayer').length") == PLOTS
    assert browser.evaluate("document.querySelectorAll('.bars path').length") == 3
    # Two frameworks each in the percentile curve (whose end is grey) and the histogram, one in the
    # completion.
    assert browser.evaluate("document.querySelectorAll('.scatterlayer .js-line').length") == 7
    # LoadGen's percentiles and estimates.
    points = "#model-1-SingleStream-percentiles .scatterlayer path.point"
    assert browser.evaluate(f"document.querySelectorAll('{points}').length") == 14
    # Pictures that plotly carries within its script are 'requests' of no place.
    assert {url for url in browser.requested() if not url.startswith("data:")} == {page.as_uri()}
    assert browser.console() == []
    assert browser.evaluate(TRACE_COLOUR) == "rgb(11, 101, 181)"
    # A framework in the summary leads to its settings.
    browser.evaluate("document.querySelector('a[href=\"#run-2\"]').click()")
    assert browser.evaluate("document.getElementById('run-2').closest('details').open")


def test_a_request_to_the_network_would_be_seen(browser: Any, outside: str, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text(f'<!DOCTYPE html><img src="{outside}">', encoding="utf-8")
    browser.open(other)
    assert outside in browser.requested()


def test_the_page_may_not_reach_the_network(browser: Any, page: Path, outside: str) -> None:
    text = page.read_text(encoding="utf-8").replace("<main>", f'<main><img src="{outside}">')
    page.write_text(text, encoding="utf-8")
    browser.open(page)
    assert any("Content Security Policy" in message for message in browser.console())


def test_a_dark_page_has_its_colours_and_is_printed_light_with_open_details(
    browser: Any, page: Path
) -> None:
    browser.open(page, scheme="dark")
    assert browser.evaluate(TRACE_COLOUR) == "rgb(98, 174, 242)"
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert browser.evaluate(TRACE_COLOUR) == "rgb(11, 101, 181)"
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate("document.querySelectorAll('details[open]').length") == 0
    assert browser.evaluate(TRACE_COLOUR) == "rgb(98, 174, 242)"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_the_window_and_no_label_is_cut_off(
    browser: Any, page: Path, width: int
) -> None:
    browser.open(page, width=width)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.cut_labels() == []
