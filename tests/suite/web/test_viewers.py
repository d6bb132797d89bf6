"""Viewers of others: a stand-in for Perfetto's page, which only listens, and a folder."""

import shutil
import zipfile

import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.cli.main import cli
from loadscope.suite.web import viewers

# As Perfetto's page does: silent at first, PONG to PING, then a trace as an ArrayBuffer.
LISTENS = """<!doctype html><title>stand-in</title><p id=told>nothing</p><script>
setTimeout(() => addEventListener('message', (event) => {
  if (event.data === 'PING') return event.source.postMessage('PONG', event.origin);
  const text = new TextDecoder().decode(event.data.perfetto.buffer);
  document.getElementById('told').textContent = JSON.parse(text).traceEvents.length + ' events';
}), 200);
fetch('https://example.org/').catch(() => { document.title = 'shut in'; });
</script>"""


@pytest.fixture
def zipped(tmp_path):
    path = tmp_path / "perfetto-ui.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ui/index.html", LISTENS)
        archive.writestr("ui/v1/engine.wasm", b"\0asm")
        archive.writestr("secret.txt", "not below the page")
    return path


@pytest.fixture
def traced(make_run, tmp_path):
    (tmp_path / "runs").mkdir()
    shutil.move(make_run("one"), tmp_path / "runs")
    folder = tmp_path / "runs" / "one"
    (folder / "trace").mkdir()
    (folder / "trace" / "perfetto.json").write_text('{"traceEvents": [1, 2, 3]}')
    return str(RunDirectory(folder).read().uid)


def test_a_trace_is_handed_to_perfetto_which_reaches_nobody_else(
    browser, visit, zipped, traced, tmp_path
):
    visitor = visit(tmp_path / "runs", viewers={"perfetto-ui": viewers.perfetto_ui(zipped)})
    browser.open(f"{visitor.address}/traces/{traced}/perfetto")
    browser.wait_until("document.getElementById('handed').textContent === 'handed over'")
    inner = "document.getElementById('perfetto').contentDocument"
    browser.wait_until(f"{inner}.getElementById('told').textContent === '3 events'")
    browser.wait_until(f"{inner}.title === 'shut in'")


def test_files_of_a_viewer_are_those_below_its_page(visit, zipped, tmp_path):
    folder = tmp_path / "package"
    (folder / "dist" / "release").mkdir(parents=True)
    (folder / "dist" / "release" / "index.html").write_text("speedscope")
    (folder / "dist" / "release" / "link.txt").symlink_to("/etc/hostname")
    given = {"perfetto-ui": viewers.perfetto_ui(zipped), "speedscope": viewers.speedscope(folder)}
    visitor = visit(viewers=given)
    assert visitor.get("/viewers/speedscope/").text == "speedscope"
    wasm = visitor.get("/viewers/perfetto-ui/v1/engine.wasm")
    assert wasm.content == b"\0asm" and wasm.headers["content-type"] == "application/wasm"
    assert "frame-ancestors 'self'" in wasm.headers["content-security-policy"]
    assert "connect-src" not in wasm.headers["content-security-policy"], "default-src holds"
    for name in ("none.js", "..%2fsecret.txt", "%2e%2e/secret.txt"):
        assert visitor.get(f"/viewers/perfetto-ui/{name}").status_code == 404
    for name in ("link.txt", "..%2f..%2f..%2fruns", "%2fetc%2fhostname"):
        assert visitor.get(f"/viewers/speedscope/{name}").status_code == 404
    assert visitor.get("/viewers/other/index.html").status_code == 404


def test_what_is_no_viewer_is_told_at_the_start(tmp_path):
    empty, broken = tmp_path / "empty.zip", tmp_path / "broken.zip"
    zipfile.ZipFile(empty, "w").close()
    broken.write_text("no zip")
    for path, says in ((empty, "no index.html"), (broken, "no zip file")):
        with pytest.raises(InputError, match=says):
            viewers.perfetto_ui(path)
    asked = ["web", "--port", "0", "--speedscope", str(tmp_path), "--runs", str(tmp_path)]
    assert "no index.html" in str(CliRunner().invoke(cli, asked).exception)
