import csv
import html
import io
import json
import re
import shutil

import pytest


@pytest.fixture
def runs(make_run, tmp_path):
    """Three runs: one of full length, a rehearsal, and one with a name that is a script."""
    folder = tmp_path / "runs"
    folder.mkdir()
    full = {"rehearsal": [], "created": "2026-11-24T10:00:00+00:00"}
    for path in (
        make_run("full", run=full),
        make_run("rehearsed", framework="openvino", scenario="Offline"),
        make_run("odd", run={"command": "<script>alert(1)</script>"}),
    ):
        shutil.move(path, folder)
    return folder


def uid_of(visitor, run):
    rows = visitor.get("/runs.json").json()["runs"]
    return next(row["uid"] for row in rows if row["run"] == run)


def test_the_list_is_filtered_sorted_and_exported_as_it_is_shown(visit, runs):
    visitor = visit(runs)
    page = visitor.get("/runs?framework=openvino").text
    assert "rehearsed" in page and 'aria-label="Compare full"' not in page
    assert "1 runs that are framework=openvino" in page
    rows = visitor.get("/runs.json?framework=openvino").json()["runs"]
    assert [row["run"] for row in rows] == ["rehearsed"]
    text = visitor.get("/runs.csv?sort=framework").text
    told = list(csv.DictReader(io.StringIO(text)))
    assert [row["framework"] for row in told] == ["onnxruntime", "onnxruntime", "openvino"]
    typed = visitor.get("/runs?ask=framework%3Dopenvino", allow_redirects=False)
    assert typed.headers["location"] == "/runs?framework=openvino"


def test_a_page_is_as_long_as_is_asked_and_begins_where_is_asked(visit, runs):
    visitor = visit(runs)
    shown = re.compile('aria-label="Compare ([^"]+)"')
    pages = [
        shown.findall(visitor.get(f"/runs?sort=run&limit=2&{rest}").text)
        for rest in ("", "page=1", "offset=1")
    ]
    assert pages == [["full", "odd"], ["rehearsed"], ["odd", "rehearsed"]]
    assert "page 1 of 2" in visitor.get("/runs?limit=2").text
    assert "page 1 of" not in visitor.get("/runs?limit=2&offset=1").text
    for path in ("/runs", "/runs.json"):
        answer = visitor.get(f"{path}?group=framework&model=x")
        assert answer.status_code == 422 and "results list model=x group=framework" in answer.text


def test_a_cell_of_the_matrix_leads_to_its_runs_under_the_conditions_typed(visit, runs):
    visitor = visit(runs)
    page = visitor.get("/matrix?run=rehearsed&since=2026-01-01").text
    (address,) = re.findall('class="value" href="([^"]+)"', page)
    rows = visitor.get(html.unescape(address).replace("/runs?", "/runs.json?")).json()["runs"]
    assert [row["run"] for row in rows] == ["rehearsed"]
    assert "run=rehearsed" in address and "since=2026-01-01" in address


@pytest.mark.parametrize(
    "path", ["/runs?nonsense=1", "/runs?page=x", "/runs?limit=0", "/runs?sort=-nonsense"]
)
def test_a_wrong_condition_is_told_on_the_page(visit, runs, path):
    answer = visit(runs).get(path)
    assert answer.status_code == 422
    assert "nonsense" in answer.text or "expected a number" in answer.text
    assert "Traceback" not in answer.text


def test_a_rehearsal_looks_it_and_a_run_says_what_it_is(visit, runs):
    visitor = visit(runs)
    page = visitor.get(f"/runs/{uid_of(visitor, 'rehearsed')}").text
    assert "min_duration 5 s instead of 600 s" in page
    assert 'class="headline doubtful"' in page and "unverified" in page
    assert "loadscope run --from" in page


def test_names_are_text_and_files_are_no_pages(visit, runs):
    visitor = visit(runs)
    uid = uid_of(visitor, "odd")
    page = visitor.get(f"/runs/{uid}").text
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    (runs / "odd" / "page.txt").write_text("<script>alert(1)</script>")
    (runs / "odd" / "link.txt").symlink_to("/etc/passwd")
    answer = visitor.get(f"/runs/{uid}/files/page.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert visitor.get(f"/runs/{uid}/files/link.txt").status_code == 404
    assert visitor.get(f"/runs/{uid}/files/%2e%2e/full/run.json").status_code == 404
    assert json.loads(visitor.get(f"/runs/{uid}/files/run.json").text)


def test_a_run_that_vanishes_is_told(visit, runs):
    visitor = visit(runs)
    uid = uid_of(visitor, "full")
    shutil.rmtree(runs / "full")
    answer = visitor.get(f"/runs/{uid}")
    assert answer.status_code == 404 and "gone" in answer.text
    visitor.site.take_in()
    assert "full" not in visitor.get("/runs.csv").text


def test_what_could_not_be_read_is_on_the_first_page(visit, runs):
    (runs / "damaged").mkdir()
    (runs / "damaged" / "run.json").write_text("{")
    page = visit(runs).get("/").text
    assert "damaged" in page and "Last runs" in page


def test_a_comparison_says_once_what_holds_of_all_and_draws_later(visit, make_run, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    frameworks = ("onnxruntime", "openvino", "pytorch")
    for framework in frameworks:
        shutil.move(make_run(framework, framework=framework), folder)
    visitor = visit(folder)
    chosen = "&".join(
        f"run={uid_of(visitor, one)}" for one in ("onnxruntime", "openvino", "pytorch")
    )
    page = visitor.get(f"/compare?{chosen}").text
    assert page.count("A is a rehearsal.") == 1 and page.count("B is a rehearsal.") == 1
    assert 'id="figures"' not in page
    later = html.unescape(re.findall(r'data-later="([^"]+)"', page)[0])
    plots = visitor.get(later).text
    assert 'id="throughput"' in plots and 'id="figures"' in plots and "plotly.js" in plots
    many = "&".join(f"run={number}" for number in range(21))
    assert visitor.get(f"/compare/plots?{many}").status_code == 422
