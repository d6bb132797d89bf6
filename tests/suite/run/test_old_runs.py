"""Run directories that LoadScope wrote before format 2 are read, reported, scored and gone on with.

``format1/`` holds three of them and their inputs: a finished SingleStream run, an Offline run with
repeats and compliance tests, and a Server run whose process was killed in the performance test.
"""

import json
import tarfile
from pathlib import Path

import pytest

from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.run.view import load_run

KEPT = Path(__file__).with_name("format1")


@pytest.fixture
def old(tmp_path):
    """The folder with all of them, at home where they are now."""
    for archive in KEPT.glob("*.tar.xz"):
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path, filter="data")
    for path in tmp_path.rglob("*"):
        if path.suffix in (".json", ".yaml") and "@HERE@" in (text := path.read_text()):
            path.write_text(text.replace("@HERE@", str(tmp_path)))
    return tmp_path


def _result(run):
    result = RunDirectory(run).result()
    assert result is not None
    return result.model_dump(mode="json")


def test_records_keep_what_they_said(old):
    record = RunDirectory(old / "finished").read()
    state = record.of(Mode.PERFORMANCE)
    assert state.noise is not None
    assert record.finished() == (Mode.PERFORMANCE, Mode.ACCURACY)
    assert (state.value, state.valid) == (7.254359, True)
    assert state.noise.warnings == ("other processes used 89 % of the CPU",)
    assert record.model.input_types == ("float32",)
    assert _result(old / "finished")["metric"]["value"] == 7.254359
    repeated = RunDirectory(old / "repeated").read()
    assert [one.run for one in repeated.of(Mode.PERFORMANCE).repeats] == [1, 2]
    verified = repeated.of(Mode.TEST01).verification
    assert verified is not None and verified.passed


def test_a_run_has_one_identity_in_all_its_copies(old, tmp_path_factory):
    uid = RunDirectory(old / "finished").read().uid
    assert _result(old / "finished")["uid"] == str(uid)
    assert uid not in (RunDirectory(old / name).read().uid for name in ("repeated", "interrupted"))


def test_reports_have_their_figures(old):
    views = {name: load_run(old / name) for name in ("finished", "repeated", "interrupted")}
    metric, repeat = views["finished"].metric, views["repeated"].repeat
    assert metric is not None and metric.value == 7.254359
    assert repeat is not None and repeat.count == 2
    assert not views["finished"].altered
    assert views["interrupted"].valid is None


def test_one_can_be_scored_again(old, loadscope):
    done = loadscope("accuracy", old / "finished", "--json")
    assert json.loads(done.stdout)["samples"] == 8


def test_a_killed_one_is_gone_on_with(old, loadscope):
    before = RunDirectory(old / "interrupted").read()
    loadscope("run", "--resume", old / "interrupted")
    after = RunDirectory(old / "interrupted").read()
    assert after.uid == before.uid
    assert after.finished() == (Mode.ACCURACY, Mode.PERFORMANCE)
    written = json.loads((old / "interrupted" / "run.json").read_text())
    assert written["format"] == 2
    assert str(old) not in (old / "interrupted" / "result.json").read_text()


def test_a_rehearsal_is_packaged_of_one(old, loadscope):
    """Until the tree: the plan of a submission takes the run as a candidate."""
    from loadscope.submission.package.runs import read_candidate

    candidate = read_candidate(old / "repeated")
    assert candidate.present == {"performance", "accuracy", "TEST01", "TEST04"}
    assert candidate.loadgen_model == "resnet50"
