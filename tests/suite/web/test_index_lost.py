"""An index that is deleted, damaged or of another version under a running server."""

import shutil
import sqlite3
import threading

import pytest

from loadscope.errors import InputError
from loadscope.suite.results import opened
from loadscope.suite.results.index import remove_database
from loadscope.suite.results.scan import Tally, source_at, take_in
from loadscope.suite.web import site


def older(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 1")
    db.close()


def overwritten(path):
    path.write_bytes(b"\xaa" * path.stat().st_size)


def torn(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xaa" * (len(content) - 4096))


@pytest.fixture
def runs(make_run, tmp_path):
    (tmp_path / "runs").mkdir()
    shutil.move(make_run("one"), tmp_path / "runs")
    return tmp_path / "runs"


@pytest.mark.parametrize("harm", [remove_database, older, overwritten, torn])
def test_a_lost_index_is_told_and_made_again_with_all_its_sources(
    visit, runs, make_run, tmp_path, harm
):
    visitor = visit(runs)
    (tmp_path / "elsewhere").mkdir()
    shutil.move(make_run("two", framework="openvino"), tmp_path / "elsewhere")
    with visitor.site.results() as index:
        take_in(index, source_at(tmp_path / "elsewhere"), Tally())
    visitor.site.take_in()
    assert len(visitor.get("/runs.json").json()["runs"]) == 2
    harm(visitor.site.index)
    for page in ("/", "/runs", "/runs.json", "/history", "/matrix", "/official"):
        answer = visitor.get(page)
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        assert "being made again" in answer.text and "no run is lost" in answer.text
        assert "Traceback" not in answer.text and "again.js" in answer.text
    assert visitor.site.state.due.is_set(), "it is asked for at once"
    visitor.site.take_in()
    assert {row["run"] for row in visitor.get("/runs.json").json()["runs"]} == {"one", "two"}


def test_the_page_says_how_far_it_is_and_comes_back_by_itself(browser, visit, runs, monkeypatch):
    visitor = visit(runs)
    remove_database(visitor.site.index)
    reached, go_on = threading.Event(), threading.Event()
    taken_in = opened.make_again

    def slow(path, wanted, progress):
        progress("reading runs", 4321, 0)
        reached.set()
        go_on.wait(60)
        return taken_in(path, wanted, progress)

    monkeypatch.setattr(site, "make_again", slow)
    keeper = threading.Thread(target=visitor.site.take_in)
    keeper.start()
    reached.wait(60)
    browser.open(f"{visitor.address}/runs")
    assert "4,321 runs are read" in browser.evaluate("document.querySelector('main').innerText")
    assert visitor.get("/runs").status_code == 503
    go_on.set()
    keeper.join()
    browser.wait_until("document.querySelector('tbody tr')")
    assert not [one for one in browser.console() if "503" not in one]


def test_pages_are_back_as_soon_as_the_index_is_whole(visit, runs, monkeypatch):
    visitor = visit(runs)
    remove_database(visitor.site.index)
    assert visitor.get("/runs").status_code == 503
    answers = []

    def looked(*asked):
        answers.append(visitor.get("/runs"))
        take_in(*asked)

    monkeypatch.setattr(site, "take_in", looked)
    visitor.site.take_in()
    assert [one.status_code for one in answers] == [200]
    assert "being read" not in answers[0].text


def test_another_file_in_the_place_of_the_index_is_left_alone_and_told(visit, runs, tmp_path):
    (tmp_path / "results.db").write_text("letters of a friend")
    with pytest.raises(InputError, match="is no index"):
        visit(runs)
    assert (tmp_path / "results.db").read_text() == "letters of a friend"
