"""Every control of every page by keys alone: reached in a walk that ends, seen, and worked."""

import shutil

import pytest
from tests.suite.campaign.conftest import campaign_file
from tests.suite.web.conftest import uids, write_study

from loadscope.suite.campaign.campaign_file import read_campaign_file
from loadscope.suite.campaign.places import CAMPAIGN_FILE
from loadscope.suite.campaign.planned import plan_campaign
from loadscope.suite.web.jobs import Jobs
from loadscope.suite.web.page import all_pages
from loadscope.suite.web.viewers import netron

__all__ = ["campaign_file"]

TAB, ENTER, SPACE, DOWN, UP = "\ue004", "\ue007", " ", "\ue015", "\ue013"
MOST_STEPS = 800
# Of radio buttons with one name a walk stops at one; arrows reach the others.
CONTROLS = """
window.clicked = 0;
addEventListener('click', (event) => {
  if (!event.target.closest?.('a[href], button')) return;
  window.clicked += 1;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
const names = ['a[href]', 'button', 'input:not([type=hidden])', 'select', 'textarea', 'summary',
  '[tabindex="0"]'].join();
const shown = [...document.querySelectorAll(names)].filter((one) => !one.disabled
  && one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length);
const stops = shown.filter((one) => {
  if (one.type !== 'radio') return true;
  const group = shown.filter((other) => other.type === 'radio' && other.name === one.name);
  return one === (group.find((other) => other.checked) ?? group[0]);
});
window.stops = stops;
return stops.map((one) => one.outerHTML.slice(0, 120));
"""
# What gets the focus is noted as it does, so that many strokes are one call of the driver.
WATCH = """
window.walked = [];
addEventListener('focusin', (event) => {
  const one = event.target;
  const style = getComputedStyle(one);
  window.walked.push([window.stops.indexOf(one),
    style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1]);
});
"""
# Of controls that are alike in what they are made of, one is worked.
ALIKE = """
const kinds = { A: 'link', a: 'link', BUTTON: 'button', SUMMARY: 'summary', SELECT: 'select',
  TEXTAREA: 'text' };
const inputs = { checkbox: 'box', radio: 'radio', file: 'file' };
return window.stops.map((one) => [
  one.tagName === 'INPUT' ? inputs[one.type] ?? 'text' : kinds[one.tagName] ?? 'region',
  [...one.attributes].filter((each) => each.name === 'class' || each.name === 'type'
    || each.name === 'name' && one.tagName !== 'BUTTON' || each.name.startsWith('data-'))
    .map((each) => each.name.startsWith('data-') ? each.name : `${each.name}=${each.value}`)
    .join(' '),
]);
"""
STATE = """
const one = document.activeElement;
const group = one.type === 'radio'
  ? [...document.getElementsByName(one.name)].filter((each) => !each.disabled) : [];
return {
  clicked: window.clicked,
  value: one.type === 'radio' ? group.findIndex((each) => each.checked)
    : one.tagName === 'SUMMARY' ? one.parentElement.open
    : one.type === 'checkbox' ? one.checked
    : one.multiple ? [...one.selectedOptions].map((each) => each.index).join() : one.value ?? '',
  choices: one.tagName === 'SELECT' ? one.options.length : group.length,
};
"""


def press(browser, *keys):
    strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    browser.call("actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])


def script(browser, text):
    return browser.call("execute/sync", script=text, args=[])


def works(browser, kind):
    """Whether the control that has the focus does by its key what it is for; it is put back."""
    before = script(browser, STATE)
    if kind in ("link", "button"):
        press(browser, ENTER if kind == "link" else SPACE)
        return script(browser, STATE)["clicked"] == before["clicked"] + 1
    if kind in ("radio", "select") and before["choices"] < 2:
        return True
    there, back = {
        "box": (SPACE, SPACE), "summary": (ENTER, ENTER), "radio": (DOWN, UP),
        "select": (DOWN, UP), "text": ("1", "\ue003"),
    }[kind]  # fmt: skip
    press(browser, there)
    if script(browser, STATE)["value"] == before["value"]:
        there, back = back, there
        press(browser, there)
    changed = script(browser, STATE)["value"] != before["value"]
    press(browser, back)
    return changed


@pytest.fixture
def folder(measured, tmp_path, cache, tiny_dataset, campaign_file, monkeypatch):
    """Runs, and beside them a study, a planned campaign, and runs that wait for their turn."""
    runs = tmp_path / "runs"
    shutil.copytree(measured, runs)
    write_study(runs / "tuned")
    # Its scripts are named as they lie beside it.
    monkeypatch.chdir(tmp_path)
    file = campaign_file()
    planned = plan_campaign(read_campaign_file(file))
    (runs / "autumn").mkdir()
    planned.write(runs / "autumn")
    shutil.copy(file, runs / "autumn" / CAMPAIGN_FILE)
    monkeypatch.setattr("loadscope.suite.web.jobs.measurements", lambda: ["another"])
    for title in ("one", "two", "three"):
        Jobs(runs).ask(("--model", "tiny"), title)
    return runs


def walk(browser, stops):
    """Press Tab until the walk is round; gives what was reached, and what of it does not show."""
    script(browser, WATCH)
    reached: dict[int, bool] = {}
    for _ in range(MOST_STEPS // (len(stops) + 1) + 2):
        press(browser, *[TAB] * (len(stops) + 1))
        walked = script(browser, "return window.walked")
        reached = {place: ring for place, ring in walked if place >= 0}
        if [place for place, _ in walked].count(0) > 1:
            break
    else:
        pytest.fail("the walk does not end")
    return set(reached), [stops[place] for place, ring in reached.items() if not ring]


def test_every_control_is_reached_seen_and_worked_by_keys(browser, visit, here, folder):
    visitor = visit(folder)
    runs, traces = uids(visitor, "r"), uids(visitor, "t")
    job = Jobs(folder).all()[0].id
    pages = [page.address for page in all_pages() if page.title]
    pages += [f"/runs/{runs[0]}", f"/traces/{traces[0]}", "/compare?run=" + "&run=".join(runs),
              f"/traces/{traces[0]}/against/{traces[1]}", f"/official?like={runs[0]}",
              "/play?task=question-answering", "/studies/tuned", "/campaigns/autumn",
              f"/jobs/{job}", f"/live/{runs[0]}"]  # fmt: skip
    known: set[tuple[str, str]] = set()
    for page in pages:
        browser.open(f"{visitor.address}{page}")
        browser.wait_until("document.readyState === 'complete'")
        stops = script(browser, CONTROLS)
        reached, unseen = walk(browser, stops)
        assert not unseen, f"{page}: has the focus, and nothing shows it"
        missed = [stops[place] for place in range(len(stops)) if place not in reached]
        assert not missed, f"{page}: not reached by Tab"
        for place, (kind, made) in enumerate(script(browser, ALIKE)):
            if kind in ("region", "file") or (kind, made) in known:
                continue
            known.add((kind, made))
            script(browser, f"window.stops[{place}].focus()")
            assert works(browser, kind), f"{page}: {stops[place]} does nothing by its key"
    assert {kind for kind, _ in known} >= {"link", "button", "summary", "select", "text", "box"}


def test_the_timeline_is_drawn_zoomed_and_searched_by_keys(browser, visit, here, measured):
    visitor = visit(measured)
    painted = """(() => {
      const lanes = document.getElementById('lanes');
      return lanes.getContext('2d').getImageData(0, 0, lanes.width, lanes.height).data
        .reduce((sum, one, at) => at % 4 === 3 && one ? sum + 1 : sum, 0);
    })()"""
    for width in (1280, 390):
        browser.open(f"{visitor.address}/traces/{uids(visitor, 't')[0]}", width=width)
        whole = browser.wait_until(painted)
        assert whole > 1000
        browser.evaluate("document.getElementById('lanes').focus()")
        seen = "document.getElementById('lanes').toDataURL()"
        before = browser.evaluate(seen)
        press(browser, "+", "+")
        near = browser.evaluate(seen)
        assert near != before
        press(browser, "\ue014")
        assert browser.evaluate(seen) != near
        press(browser, "\ue011")
        assert browser.evaluate(seen) == before
    browser.type("#find", f"gemm{ENTER}")
    assert "(Gemm): " in browser.evaluate("document.getElementById('hit').textContent")
    assert browser.evaluate(seen) != before
    # Folded away and shown again, it is there again.
    browser.evaluate("document.getElementById('timeline').hidden = true")
    browser.evaluate("document.getElementById('timeline').hidden = false")
    assert browser.evaluate(painted) > 1000
    # On a screen of more pixels it has as many.
    size = {"width": 390, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    browser.call("goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=size)
    browser.paint()
    browser.wait_until("lanes.width === 2 * lanes.clientWidth", 20)
    assert browser.evaluate(painted) > 4000
    # That a canvas is read often is what this test does.
    assert not [one for one in browser.console() if "willReadFrequently" not in one]


def test_netron_shows_the_model_and_reaches_nobody_else(browser, visit, here, measured):
    shown_by = netron()
    if shown_by is None:
        pytest.skip("no netron here; pip install netron")
    visitor = visit(measured, viewers={"netron": shown_by})
    trace = f"/traces/{uids(visitor, 't')[0]}"
    browser.open(f"{visitor.address}{trace}")
    browser.click("a[href*='/viewers/netron/']")
    # Its question whether it may report is the visitor's to answer; it can report to nobody.
    browser.wait_until("document.querySelector('#message-button')?.checkVisibility()")
    browser.click("#message-button")
    browser.wait_until("document.querySelectorAll('.node').length > 20")
    away = [one for one in browser.requested() if one.startswith("http")]
    refused = " ".join(browser.console())
    for address in away:
        assert address.startswith(visitor.address) or address.partition("?")[0] in refused
    assert visitor.get(f"{trace}/model/other.onnx").status_code == 404
    assert visitor.get(f"{trace}/model/..%2F..%2Frun.json").status_code == 404
    without = visit(measured)
    assert "netron " in without.get(trace).text and "pip install netron" in without.get(trace).text
