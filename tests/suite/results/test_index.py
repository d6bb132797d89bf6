import json
import os
import random
import shutil
import signal
import sqlite3
import tarfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock

from loadscope.errors import InputError, WorkError
from loadscope.suite.cli.results import results_command
from loadscope.suite.results import scan
from loadscope.suite.results.archive import extract
from loadscope.suite.results.checks import shared_names
from loadscope.suite.results.index import ResultsIndex, remove_database
from loadscope.suite.results.marks import Mark, append_mark
from loadscope.suite.results.opened import opened, rebuild, watch
from loadscope.suite.results.scan import Tally, source_at, take_in
from loadscope.tools.bench.made_runs import make_run_directory as make


def start_writer(index, root):
    """A process of its own that takes runs in, two in a transaction; forked, which is quick."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            scan._BATCH = 2
            own = ResultsIndex.open(index.path)
            take_in(own, source_at(root), Tally())
            status = 0
        finally:
            os._exit(status)
    return pid


def fresh(tmp_path, content, *roots):
    """What an index holds that has never been another one."""
    path = tmp_path / "fresh" / f"{time.monotonic_ns()}.db"
    index = ResultsIndex.open(path)
    for root in roots:
        take_in(index, source_at(root), Tally())
    held = content(index)
    index.close()
    return held


def change(runs, dice, number):
    """Do one thing to a folder of runs, as people and crashes do."""
    found = sorted(path.parent for path in runs.rglob("run.json"))
    kind = dice.choice(["new", "new", "delete", "move", "copy", "damage", "alter", "hide", "touch"])
    if kind == "new" or len(found) < 3:
        make(runs / f"new-{number}", value=100 + dice.random() * 20, model=dice.choice("ab"),
             created=f"2026-10-01T10:00:{number % 60:02}+00:00",
             warnings=dice.choice([(), ("other processes used 40 % of the CPU",)]))  # fmt: skip
        return
    one = dice.choice(found)
    if kind == "delete":
        shutil.rmtree(one)
    elif kind == "move":
        (runs / "moved").mkdir(exist_ok=True)
        one.rename(runs / "moved" / f"{one.name}-{number}")
    elif kind == "copy":
        shutil.copytree(one, runs / f"copy-{number}")
    elif kind == "damage":
        (one / "run.json").write_text("{")
    elif kind == "alter":
        with (one / "performance/run_1/mlperf_log_detail.txt").open("a") as log:
            log.write("\n")
    elif kind == "touch":
        os.utime(one / "run.json", (number, number))
    else:
        try:
            uid = json.loads((one / "run.json").read_text())["uid"]
        except ValueError:
            return
        append_mark(runs, Mark(kind=dice.choice(["hide", "show"]), target=uid))


@pytest.mark.parametrize("seed", range(3))
def test_an_index_kept_in_step_is_the_same_as_one_made_again(tmp_path, index, add, content, seed):
    dice, runs = random.Random(seed), tmp_path / "runs"
    runs.mkdir()
    for number in range(4):
        make(runs / f"r{number}", value=100 + number, created=f"2026-10-01T09:0{number}:00+00:00")
    for number in range(14):
        change(runs, dice, number)
        if dice.random() < 0.5:
            add(index, runs)
    add(index, runs)
    held = content(index)
    assert held["run"]
    assert held == fresh(tmp_path, content, runs)
    rebuild(index)
    assert content(index) == held


def test_a_writer_that_is_killed_leaves_an_index_that_goes_on(tmp_path, index, add, content):
    for number in range(16):
        make(tmp_path / "runs" / f"r{number}", value=100 + number)
    for pause in (0.01, 0.03):
        writer = start_writer(index, tmp_path / "runs")
        time.sleep(pause)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        assert index.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    add(index, tmp_path / "runs")
    assert content(index) == fresh(tmp_path, content, tmp_path / "runs")


def test_several_writers_at_once_do_no_harm(tmp_path, index, content):
    for number in range(12):
        make(tmp_path / "runs" / f"r{number}", value=100 + number)
    writers = [start_writer(index, tmp_path / "runs") for _ in range(2)]
    rebuild(index)
    for writer in writers:
        assert os.waitpid(writer, 0)[1] == 0
    take_in(index, source_at(tmp_path / "runs"), Tally())
    assert content(index) == fresh(tmp_path, content, tmp_path / "runs")


def test_only_what_has_changed_is_read_again(tmp_path, index, add, monkeypatch):
    first, second = (make(tmp_path / "runs" / name) for name in ("a", "b"))
    assert add(index, tmp_path / "runs").added == 2
    monkeypatch.setattr(scan, "read_rows", lambda path: pytest.fail(f"read {path}"))
    os.utime(first / "run.json", (1, 1))
    assert add(index, tmp_path / "runs").unchanged == 2
    assert add(index, tmp_path / "runs").unchanged == 2
    shutil.rmtree(second)
    assert add(index, tmp_path / "runs").removed == 1


def test_a_run_that_is_being_written_is_taken_when_it_is_finished(tmp_path, index, add):
    run = make(tmp_path / "runs" / "a")
    told = json.loads((run / "run.json").read_text())
    running = json.loads(json.dumps(told))
    running["state"]["performance"]["status"] = "running"
    (run / "run.json").write_text(json.dumps(running))
    lock = FileLock(run / ".lock")
    with lock:
        assert (add(index, tmp_path / "runs").waiting, index_count(index)) == (1, 0)
    (run / "run.json").write_text(json.dumps(told))
    assert add(index, tmp_path / "runs").added == 1
    (run / "run.json").write_text(json.dumps(running))
    # Nobody holds it: the run was killed, and will not be finished.
    assert add(index, tmp_path / "runs").changed == 1
    assert index.db.execute("SELECT status FROM run").fetchone()[0] == "unfinished"


def index_count(index):
    return index.db.execute("SELECT count(*) FROM run").fetchone()[0]


def test_damaged_and_edited_runs_are_named_and_the_rest_goes_on(tmp_path, index, add):
    runs = tmp_path / "runs"
    make(runs / "good", value=100)
    edited = make(runs / "edited", value=100)
    result = json.loads((edited / "result.json").read_text())
    result["metric"]["value"] = 1000.0
    (edited / "result.json").write_text(json.dumps(result))
    broken = make(runs / "broken")
    (broken / "run.json").write_text('{"format": 2}')
    tally = add(index, runs)
    assert tally.added == 2 and len(tally.problems) == 1
    assert str(broken) in tally.problems[0]
    assert add(index, runs).problems == tally.problems
    rows = dict(index.db.execute("SELECT path, status FROM run").fetchall())
    assert rows == {str(runs / "good"): "valid", str(edited): "altered"}
    # The figure is the log's, never the record's, and does not count.
    assert index.db.execute("SELECT n, median FROM summary").fetchone()[:] == (1, 100.0)


def test_copies_of_a_run_count_once(tmp_path, index, add):
    make(tmp_path / "runs" / "a", value=100)
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "b")
    add(index, tmp_path / "runs")
    assert index.db.execute("SELECT copy FROM run ORDER BY path").fetchall()[1][0] == 1
    assert index.db.execute("SELECT n FROM summary").fetchone()[0] == 1
    shutil.rmtree(tmp_path / "runs" / "a")
    add(index, tmp_path / "runs")
    assert index.db.execute("SELECT copy FROM run").fetchone()[0] == 0
    assert index.db.execute("SELECT n FROM summary").fetchone()[0] == 1


def test_sources_do_not_overlap(tmp_path, index, add, content):
    make(tmp_path / "runs" / "x" / "a", value=100)
    make(tmp_path / "runs" / "b", value=101)
    add(index, tmp_path / "runs" / "x", tmp_path / "runs", tmp_path / "runs" / "x")
    roots = [row[0] for row in index.db.execute("SELECT root FROM source")]
    assert roots == [str(tmp_path / "runs")]
    assert content(index) == fresh(tmp_path, content, tmp_path / "runs")


def test_an_index_of_another_version_is_made_again(tmp_path, index, add, content):
    make(tmp_path / "runs" / "a", value=100)
    add(index, tmp_path / "runs")
    held = content(index)
    index.db.execute("DELETE FROM run")
    index.db.execute("PRAGMA user_version = 7")
    told: list[str] = []
    with opened(index.path, told.append) as again:
        assert content(again) == held
    assert "another version" in told[0]
    index.close()
    remove_database(index.path)
    index.path.write_bytes(b"SQLite format 3\0" + b"but nothing of one" * 100)
    told.clear()
    with opened(index.path, told.append) as again:
        assert index_count(again) == 0
    assert "add them again" in told[-1]


def test_another_file_is_no_index_and_is_left_alone(tmp_path):
    model = tmp_path / "my.onnx"
    model.write_bytes(b"a model, not a database" * 100)
    with pytest.raises(InputError, match="left alone"), opened(model):
        pass
    assert model.read_bytes() == b"a model, not a database" * 100


def test_a_source_that_is_away_for_a_rebuild_stays_a_source(tmp_path, index, add):
    make(tmp_path / "runs" / "a", value=100)
    add(index, tmp_path / "runs")
    (tmp_path / "runs").rename(tmp_path / "away")
    assert "not there now" in rebuild(index).problems[0]
    (tmp_path / "away").rename(tmp_path / "runs")
    rebuild(index)
    assert index_count(index) == 1


def test_a_damaged_archive_does_not_cost_what_was_taken_from_it(tmp_path, index, add):
    archive = packed(tmp_path, one=make(tmp_path / "a", value=100))
    add(index, archive)
    taken = list((index.path.parent / "archives").rglob("run.json"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError):
        add(index, archive)
    assert taken and all(path.is_file() for path in taken)


def test_a_full_disk_leaves_the_index_as_it_was(tmp_path, index, add, content):
    make(tmp_path / "runs" / "a", value=100)
    add(index, tmp_path / "runs")
    held = content(index)
    for number in range(40):
        make(tmp_path / "runs" / f"n{number}")
    (pages,) = index.db.execute("PRAGMA page_count").fetchone()
    index.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(WorkError, match="full"):
        add(index, tmp_path / "runs")
    assert content(index) == held


def test_two_machines_of_one_name_are_said(tmp_path, index, add):
    for letter in "ab":
        make(tmp_path / "runs" / letter, identity={"hostname": "z", "machine_id": letter * 16})
    add(index, tmp_path / "runs")
    (line,) = shared_names(index)
    assert "2 machines are called z" in line and "a" * 16 in line


def packed(tmp_path, **members):
    path = tmp_path / "runs.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, source in members.items():
            archive.add(source, name)
    return path


def test_an_archive_is_taken_in_and_looked_at_again_when_it_changes(tmp_path, index, add):
    run = make(tmp_path / "a", value=100)
    archive = packed(tmp_path, one=run)
    assert add(index, archive).added == 1
    assert add(index, archive).unchanged == 1
    archive = packed(tmp_path, one=run, two=make(tmp_path / "b", value=101))
    add(index, archive)
    assert index_count(index) == 2
    assert rebuild(index).added == 2


def test_damage_within_an_archive_is_told_as_such(tmp_path, index, add):
    path = tmp_path / "runs.tar"
    with tarfile.open(path, "w:xz") as archive:
        archive.add(make(tmp_path / "a", value=100), "a")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole archive"):
        add(index, path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_no_damage_lets_an_archive_seem_to_have_fewer_runs(tmp_path, mode):
    for name in "abc":
        (tmp_path / f"{name}.bin").write_bytes(random.Random(name).randbytes(700))
    path = tmp_path / "runs.tar"
    with tarfile.open(path, mode, format=tarfile.USTAR_FORMAT) as archive:
        for name in "abc":
            archive.add(tmp_path / f"{name}.bin", f"{name}/run.bin")
    content = path.read_bytes()
    # The header of the second member is at 1,536 of a plain archive.
    places = range(10, len(content), 29) if mode == "w:gz" else range(1536, 1536 + 512, 7)
    told = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        target = tmp_path / f"to-{place}"
        try:
            extract(path, target)
        except InputError as error:
            told += "not a whole archive" in str(error) or "may hold" in str(error)
        else:
            assert len(list(target.rglob("run.bin"))) == 3
    assert told > len(places) // 2


@pytest.mark.parametrize("kind", ["link", "absolute", "above", "bomb", "cut"])
def test_an_archive_that_could_do_harm_is_refused(tmp_path, index, add, kind):
    path = tmp_path / "bad.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo({"absolute": "/etc/x", "above": "../x"}.get(kind, "x"))
        if kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
        else:
            source = tmp_path / "zeros"
            source.write_bytes(bytes(64 << 20 if kind == "bomb" else 10))
            info.size = source.stat().st_size
            with source.open("rb") as file:
                archive.addfile(info, file)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError):
        add(index, path)
    grown = set(tmp_path.rglob("*")) - before
    assert not [one for one in grown if one.is_file() and "results.db" not in one.name]
    assert index_count(index) == 0


def test_watching_takes_what_grows(tmp_path, index):
    runs, told = tmp_path / "runs", []
    make(runs / "a")

    def seen(tally):
        told.append(tally.added)
        if len(told) == 1:
            make(runs / "b")

    watch(index, runs, seen, seconds=0.01, times=3)
    assert told == [1, 1]


def test_no_source_is_said(tmp_path, index):
    (tmp_path / "empty").mkdir()
    arguments = ["add", str(tmp_path / "empty"), "--index", str(index.path)]
    done = CliRunner().invoke(results_command, arguments)
    assert isinstance(done.exception, InputError) and "no run" in done.exception.message
    for path in (tmp_path / "none", Path(__file__)):
        with pytest.raises(InputError):
            source_at(path)
    with pytest.raises(sqlite3.IntegrityError):
        index.db.execute("INSERT INTO source(root) VALUES(NULL)")
