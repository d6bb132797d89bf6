"""The application as people use it, in a real browser on a real server."""

import json
import re
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner
from tests.suite.web.conftest import uids

from loadscope.suite.cli.main import cli
from loadscope.suite.web.page import all_pages

AXE = "axe-core@4.14.1"
PHOTOGRAPH = "imagenet/val/ILSVRC2012_val_00000269.JPEG"


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The accessibility checker's script, as npm has it."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here; on Debian: apt-get install npm")
    done = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, check=False)
    packed = list(folder.glob("axe-core-*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"{AXE} cannot be had from npm")
    shutil.unpack_archive(packed[0], folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.real_data
def test_a_photograph_is_answered_side_by_side(browser, visit, here, real_data):
    visitor = visit()
    browser.open(f"{visitor.address}/play?task=image-classification")
    browser.type("#image", str(real_data / PHOTOGRAPH))
    browser.click("input[name=framework][value=openvino]")
    browser.click("input[name=layers]")
    browser.click("button.main")
    browser.wait_until(
        "!document.querySelector('[data-unfinished]') && document.querySelector('.bars')"
    )
    cards = browser.evaluate(
        "[...document.querySelectorAll('.answers .card')].map((one) => one.innerText)"
    )
    assert len(cards) == 2
    assert {re.findall(r"class \d+", card)[0] for card in cards} == {"class 268"}
    assert browser.evaluate("document.querySelectorAll('img.input').length") == 2
    assert "Conv" in browser.evaluate("document.querySelector('main').innerText")
    assert not browser.console()


def test_a_camera_is_answered_frame_by_frame(browser, visit, here):
    visitor = visit()
    browser.open(f"{visitor.address}/play?task=image-classification")
    browser.click("#camera-start")
    browser.wait_until("document.getElementById('rate').textContent.includes('frames/s')")
    assert browser.evaluate("document.querySelectorAll('#live-answer li').length") == 5
    browser.click("#camera-stop")
    assert browser.evaluate("document.getElementById('camera-start').hidden") is False


def test_a_rehearsal_is_launched_watched_reloaded_and_cancelled(browser, visit, here):
    visitor = visit()
    browser.open(f"{visitor.address}/launch")
    for name, text in (("model", "efficientnet-lite0"), ("framework", "onnxruntime"),
                       ("dataset_path", "imagenet-sample20"), ("min_duration", "120s"),
                       ("layout_seconds", "0")):  # fmt: skip
        browser.type(f"#launch [name={name}]", text)
    browser.type("#scenario", "Offline")
    browser.click("button[value=check]")
    said = browser.wait_until("document.getElementById('checked')?.innerText")
    assert "rehearsal" in said and "min_duration 120 s instead of 600 s" in said
    assert "loadscope run --model efficientnet-lite0" in said
    browser.click("button[value=start]")
    browser.wait_until("document.getElementById('rate')?.textContent.length > 1")
    browser.call("refresh")
    browser.wait_until("document.getElementById('answered')?.textContent.includes(' of ')")
    assert "rehearsal" in browser.evaluate("document.getElementById('rehearsal').textContent")
    browser.click("#cancel")
    browser.wait_until(
        "document.getElementById('tests')?.textContent.includes('interrupted') "
        "|| document.getElementById('tests')?.textContent.includes('failed')"
    )
    (job,) = visitor.site.runs.glob(".jobs/*.json")
    while json.loads(job.read_text())["state"] == "running":
        time.sleep(0.1)
    assert json.loads(job.read_text())["state"] == "cancelled"
    assert not [one for one in browser.console() if "SEVERE" in one]


def test_three_runs_go_through_the_cart_to_a_verdict(browser, visit, here, measured):
    visitor = visit(measured)
    browser.open(f"{visitor.address}/runs")
    browser.evaluate("localStorage.clear()")
    for uid in uids(visitor, "r"):
        browser.click(f"input[name=run][value='{uid}']")
    assert "3 runs" in browser.evaluate("document.getElementById('cart-count').textContent")
    browser.click("#cart-compare")
    browser.wait_until("document.querySelectorAll('#percentiles .js-line').length >= 3")
    judged = browser.evaluate(
        "[...document.querySelectorAll('.judged')].map((one) => one.textContent)"
    )
    assert judged and set(judged) <= {"faster", "slower", "within noise", "too few"}
    assert not browser.console()


def test_a_layer_is_found_in_a_trace_and_traces_are_held_against_each_other(
    browser, visit, here, measured
):
    visitor = visit(measured)
    first, second = uids(visitor, "t")
    browser.open(f"{visitor.address}/traces/{first}")
    browser.type("#find", "gemm")
    assert browser.evaluate("document.getElementById('hit').textContent").startswith("1 layers")
    browser.type("input[data-filters]", "gemm")
    shown = "[...document.querySelectorAll('table.layers tbody tr')].filter((row) => !row.hidden)"
    assert browser.evaluate(f"{shown}.length") == 1
    browser.click("[data-against] button")
    browser.wait_until("document.querySelector('h1').textContent === 'Two traces compared'")
    assert second in browser.evaluate("location.href")
    assert not browser.console()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_sound(browser, visit, here, measured, axe, width, scheme):
    visitor = visit(measured)
    runs, traces = uids(visitor, "r"), uids(visitor, "t")
    pages = [page.address for page in all_pages() if page.title]
    pages += [f"/runs/{runs[0]}", f"/traces/{traces[0]}", "/compare?run=" + "&run=".join(runs),
              f"/traces/{traces[0]}/against/{traces[1]}", f"/official?like={runs[0]}",
              "/play?task=question-answering", "/nothing"]  # fmt: skip
    for page in pages:
        browser.open(f"{visitor.address}{page}", width=width, scheme=scheme)
        wide = browser.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{page} is {wide} wide"
        browser.call("execute/sync", script=axe, args=[])
        found = browser.call(
            "execute/async",
            script="axe.run({resultTypes: ['violations']}).then(arguments[arguments.length - 1])",
            args=[],
        )
        serious = [
            (one["id"], one["nodes"][0]["html"][:200])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, page
        said = [one for one in browser.console() if "404" not in one]
        assert not said, page
        assert all(
            one.startswith((visitor.address, "data:", "blob:")) for one in browser.requested()
        )


def test_copied_pages_need_no_server(browser, visit, here, measured, tmp_path):
    asked = ["web", "--runs", str(measured), "--build", str(tmp_path / "site"),
             "--index", str(tmp_path / "index.db")]  # fmt: skip
    done = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    browser.open(tmp_path / "site" / "index.html")
    row = "[...document.querySelectorAll('tbody tr')].find((one) => one.innerText.includes('r0'))"
    browser.open(browser.evaluate(f"{row}.querySelector('a').href"))
    browser.wait_until("document.querySelector('.chart .cartesianlayer')")
    browser.click("nav a[href$='traces.html']")
    browser.wait_until("document.querySelector('h1').textContent === 'Traces'")
    assert not browser.console()
    assert all(one.startswith(("file:", "data:", "blob:")) for one in browser.requested())
    again = CliRunner().invoke(cli, [*asked[:4], str(measured), *asked[5:]])
    assert again.exit_code != 0 and "not empty" in str(again.exception)
