"""A browser to open pages in."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests


class Browser:
    """A session of headless Chromium, driven over the WebDriver protocol."""

    def __init__(self, http: requests.Session, address: str) -> None:
        self._http = http
        self._address = address

    def call(self, path: str, **body: Any) -> Any:
        answer = self._http.post(f"{self._address}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()["value"]

    def open(self, page: Path | str, *, scheme: str = "light", width: int = 1280) -> None:
        """Load ``page`` and forget what was logged and requested before."""
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("url", url="about:blank")
        self.call("goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={"features": media})
        self.call("goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=size)
        self.call("se/log", type="browser")
        self.call("se/log", type="performance")
        self.call("url", url=page if isinstance(page, str) else page.as_uri())

    def evaluate(self, expression: str) -> Any:
        return self.call("execute/sync", script=f"return {expression}", args=[])

    def find(self, selector: str) -> str:
        """The element of a selector, to be clicked or typed into."""
        found = self.call("element", using="css selector", value=selector)
        return str(next(iter(found.values())))

    def click(self, selector: str) -> None:
        """As a person: it has to be visible, and nothing may lie over it."""
        self.call(f"element/{self.find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Type into a field; of a file's the path."""
        self.call(f"element/{self.find(selector)}/value", text=text)

    def wait_until(self, expression: str, seconds: float = 300) -> Any:
        """Wait until an expression is true; gives it."""
        until = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < until, f"waited too long for {expression}"
            time.sleep(0.1)
        return value

    def paint(self) -> None:
        """Have a frame painted: without a screen some events wait for one."""
        self._http.get(f"{self._address}/screenshot", timeout=60).raise_for_status()

    def console(self) -> list[str]:
        return [entry["message"] for entry in self.call("se/log", type="browser")]

    def cut_labels(self) -> list[str]:
        """Labels of plots that reach out of their plot at its left or right."""
        found: list[str] = self.evaluate(
            """[...document.querySelectorAll('.chart')].flatMap((plot) => {
              const box = plot.getBoundingClientRect();
              const labels = '.xtick text, .ytick text, .xtitle, .ytitle, .bartext, '
                + '.annotation-text';
              return [...plot.querySelectorAll(labels)]
                .filter((text) => {
                  const own = text.getBoundingClientRect();
                  return own.left < box.left - 1 || own.right > box.right + 1;
                })
                .map((text) => text.textContent);
            })"""
        )
        return found

    def requested(self) -> list[str]:
        """The addresses of all requests since the page was opened."""
        events = [
            json.loads(entry["message"])["message"]
            for entry in self.call("se/log", type="performance")
        ]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium chromium-driver")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ]
    wanted: dict[str, Any] = {
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        "goog:chromeOptions": {"binary": chromium, "args": arguments},
    }
    address = f"http://127.0.0.1:{port}/session"
    with (
        subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL) as process,
        requests.Session() as http,
    ):
        # A proxy of the environment must not come between us and the loopback.
        http.trust_env = False
        try:
            _wait_until_ready(http, f"http://127.0.0.1:{port}/status")
            answer = http.post(address, json={"capabilities": {"alwaysMatch": wanted}}, timeout=120)
            session = f"{address}/{answer.json()['value']['sessionId']}"
            yield Browser(http, session)
            http.delete(session, timeout=60)
        finally:
            process.terminate()


def _wait_until_ready(http: requests.Session, address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if http.get(address, timeout=5).json()["value"]["ready"]:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail("chromedriver did not become ready within a minute")
