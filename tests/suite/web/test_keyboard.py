"""Every control of every page by keys alone: reached in a walk that ends, seen, and worked."""

import pytest
from tests.suite.web.test_in_browser import here, measured, uids

from loadscope.suite.web.page import all_pages
from loadscope.suite.web.viewers import netron

__all__ = ["here", "measured"]

TAB, ENTER, SPACE, DOWN, UP = "\ue004", "\ue007", " ", "\ue015", "\ue013"
MOST_STEPS = 400
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
FOCUSED = """
const one = document.activeElement;
const style = getComputedStyle(one);
const kinds = { A: 'link', a: 'link', BUTTON: 'button', SUMMARY: 'summary', SELECT: 'select',
  TEXTAREA: 'text' };
const inputs = { checkbox: 'box', radio: 'radio', file: 'file' };
return {
  place: window.stops.indexOf(one),
  outside: one === document.body,
  ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1,
  kind: one.tagName === 'INPUT' ? inputs[one.type] ?? 'text' : kinds[one.tagName] ?? 'region',
};
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


def test_every_control_is_reached_seen_and_worked_by_keys(browser, visit, here, measured):
    visitor = visit(measured)
    runs, traces = uids(visitor, "r"), uids(visitor, "t")
    pages = [page.address for page in all_pages() if page.title]
    pages += [f"/runs/{runs[0]}", f"/traces/{traces[0]}", "/compare?run=" + "&run=".join(runs),
              f"/traces/{traces[0]}/against/{traces[1]}", f"/official?like={runs[0]}",
              "/play?task=question-answering"]  # fmt: skip
    for page in pages:
        browser.open(f"{visitor.address}{page}")
        browser.wait_until("document.readyState === 'complete'")
        stops = script(browser, CONTROLS)
        reached: set[int] = set()
        for _ in range(MOST_STEPS):
            press(browser, TAB)
            now = script(browser, FOCUSED)
            if now["outside"] or (now["place"] == 0 and reached):
                break
            if now["place"] in reached or now["place"] < 0:
                continue
            reached.add(now["place"])
            told = f"{page}: {stops[now['place']]}"
            assert now["ring"], f"{told} has the focus, and nothing shows it"
            if now["kind"] not in ("region", "file"):
                assert works(browser, now["kind"]), f"{told} does nothing by its key"
        else:
            pytest.fail(f"{page}: the walk does not end")
        missed = [stops[place] for place in range(len(stops)) if place not in reached]
        assert not missed, f"{page}: not reached by Tab"


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
