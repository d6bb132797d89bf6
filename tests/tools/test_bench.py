import json
import os
import platform
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.cores import usable_cores
from loadscope.datasets.object_detection.coco_annotations import read_annotations
from loadscope.datasets.object_detection.coco_categories import CATEGORY_IDS
from loadscope.datasets.object_detection.coco_score import score_boxes
from loadscope.datasets.object_detection.detection import postprocess
from loadscope.datasets.object_detection.detection_heads import yolox_anchors
from loadscope.datasets.object_detection.detection_spec import HeadSpec
from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer
from loadscope.errors import InputError, WorkError
from loadscope.names import Scenario
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.tools.bench import defaults, parity, preprocessing
from loadscope.tools.bench.__main__ import bench, print_rows, write_rows
from loadscope.tools.bench.bare import detecting, percentiles
from loadscope.tools.bench.made_logs import as_results, boxes, scores, write_log
from loadscope.tools.bench.models import BenchCase
from loadscope.tools.bench.pairs import alternate, enclose, run_json
from loadscope.tools.bench.scoring import pycocotools_map
from loadscope.tools.bench.texts import work_ratio
from loadscope.tools.bench.tuning import hand_settings


def test_ratios_are_taken_pair_by_pair():
    ours, theirs = iter([10.0, 40.0, 30.0]), iter([20.0, 50.0, 20.0])
    order = []

    def suite():
        order.append("A")
        return next(ours)

    def bare():
        order.append("B")
        return next(theirs)

    measured = alternate(3, suite, bare)
    assert "".join(order) == "ABBAAB"
    # Pairs give 0.5, 0.8 and 1.5; the medians alone would give 30 / 20.
    assert measured == {"suite": 30.0, "bare": 20.0, "ratio": 0.8, "ratios": [0.5, 0.8, 1.5]}


def test_what_takes_long_is_beside_the_mean_of_before_and_after():
    # A drift, in which a rate of 0.8 seems 0.89 of what was before and 0.73 of what comes after.
    theirs = iter([90.0, 110.0, 130.0])
    ours = iter([80.0, 96.0])
    measured = enclose(2, lambda: next(ours), lambda: next(theirs))
    assert measured == {"suite": 88.0, "bare": 110.0, "ratio": 0.8, "ratios": [0.8, 0.8]}


def test_the_work_that_padding_adds_grows_faster_than_the_tokens():
    assert work_ratio([384, 384], 384, 256) == 1
    # A token costs 12 x 384 x 384 products beside 2 x 384 for each token of the sample.
    assert work_ratio([192], 384, 384) == pytest.approx(2 * (12 + 2) / (12 + 1))


def test_the_loop_by_hand_finds_the_boxes_that_the_suite_finds():
    """OpenCV's suppression beside ours, on heads that look like a detector's."""
    spec = HeadSpec(kind="yolox", output="output", score_threshold=0.05, iou_threshold=0.65)
    random = np.random.default_rng(7)
    output = random.normal(0, 0.4, (3, yolox_anchors(416), 85)).astype(np.float32)
    output[..., 4:] = random.random((3, yolox_anchors(416), 81)) ** 12
    images = TensorInfo("images", "float32", (3, 416, 416))
    heads = TensorInfo("output", "float32", (yolox_anchors(416), 85))
    artifact = Artifact(Path("model.onnx"), "onnx", (images,), (heads,))
    by_hand = detecting(lambda batch: [batch["output"]], spec, artifact)({"output": output})
    frame = np.array([[0] * 4, [1 / 416] * 4], np.float32)
    ours = postprocess(spec, 416, lambda _: frame)({"output": output}, [0, 1, 2])
    for rows, (_, scores_by_hand, classes) in zip(ours, by_hand, strict=True):
        assert len(rows) == spec.most
        np.testing.assert_array_equal(rows[:, 5], scores_by_hand)
        np.testing.assert_array_equal(rows[:, 6], CATEGORY_IDS[classes])


def test_percentiles_are_loadgens_which_takes_one_of_the_queries():
    # results.cc of LoadGen: the latency at count x percentile of those in order.
    assert percentiles([each / 1e3 for each in range(50)]) == {"p90_ms": 45, "p99_ms": 49}
    assert percentiles([each / 1e3 for each in range(200)]) == {"p90_ms": 180, "p99_ms": 198}


def test_a_failed_measurement_is_no_figure():
    with pytest.raises(WorkError, match=r"loadscope\.tools\.bench\.null_session failed"):
        run_json("loadscope.tools.bench.null_session", "suite", "Sideways", "1", "1")


@pytest.mark.parametrize("sut", ["suite", "bare"])
@pytest.mark.parametrize(
    ("scenario", "rate", "key"),
    [
        ("SingleStream", "0.01", "us_per_query"),
        ("Offline", "100000", "samples_per_second"),
        ("Server", "1000", "samples_per_second"),
    ],
)
def test_the_harness_is_measured_under_real_loadgen(sut, scenario, rate, key):
    found = run_json("loadscope.tools.bench.null_session", sut, scenario, "0.3", rate)
    assert found[key] > 0
    assert json.dumps(found)


def test_a_made_up_log_is_read_as_loadgens_own_is(tmp_path):
    write_log(tmp_path / "log.json", [b"\x00\x01", b"", b"\xff"])
    assert list(read_accuracy_log(tmp_path / "log.json")) == [
        Answer(0, b"\x00\x01"),
        Answer(1, b""),
        Answer(2, b"\xff"),
    ]


def test_both_sides_of_the_row_for_boxes_find_the_same(tmp_path):
    truth, found = boxes(np.random.default_rng(1), 40)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(as_results(found)))
    write_log(tmp_path / "log.json", [rows.astype("<f4").tobytes() for rows in found])
    score = score_boxes(
        read_accuracy_log(tmp_path / "log.json"), read_annotations(tmp_path / "truth.json"), 40
    )
    theirs = pycocotools_map(tmp_path / "truth.json", tmp_path / "found.json")
    assert score.value == pytest.approx(theirs, abs=0.05)
    # What a detector of some use finds, and how many boxes it says.
    assert 10 < theirs < 60
    assert 25 < np.mean([len(rows) for rows in found]) < 100
    assert 4 < len(truth["annotations"]) / 40 < 12


def silent(what, done, total):
    """Progress that nobody watches."""


def test_made_up_scores_are_highest_at_the_answers(kept_cache):
    preprocess = Catalogue.load().get("minilm-squad").artifact_for("onnxruntime").preprocess
    spec: Any = locate(task("question-answering"), preprocess, kept_cache, silent)
    squad = Squad.read(fetch_dataset("squad-sample", kept_cache, silent), None, spec)
    made = scores(np.random.default_rng(1), squad)
    answers = [Answer(at, logits.tobytes()) for at, logits in enumerate(made)]
    assert squad.score(answers).value > 85


@pytest.mark.parametrize(
    "asked", [{"what": "offline"}, {"what": "padded"}, {"what": "server", "like_sized": True}]
)
def test_texts_are_measured_under_real_loadgen(asked, kept_cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    settings = {
        "model": "minilm-squad",
        "framework": "onnxruntime",
        "questions": "squad-sample",
        "options": {"arena": False},
        "seconds": 0.5,
    }
    found = run_json("loadscope.tools.bench.texts", json.dumps({**settings, **asked}))
    assert found["samples_per_second"] > 0


def test_layers_are_held_against_the_predict_that_they_are_of(kept_cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    found = run_json("loadscope.tools.bench.tracing", "onnxruntime", "1", "efficientnet-lite0")
    assert len(found["cost"]["ratios"]) == len(found["sum"]["ratios"]) == 20
    assert 0.5 < found["sum"]["ratio"] <= 1.05


def test_an_expert_tries_twelve_settings_offline_and_what_a_query_allows_else():
    offline = hand_settings(Scenario.OFFLINE, 8, (1, 4, 8, 16), None)
    assert len(offline) == 12
    assert {(each["workers"], each["threads"]) for each in offline} == {(8, 1), (1, 8), (4, 1)}
    assert {each["batch"] for each in hand_settings(Scenario.OFFLINE, 8, (1, 4, 8, 16), 4)} == {
        1,
        4,
    }
    assert all(each["workers"] == 1 for each in hand_settings(Scenario.MULTI_STREAM, 2, (8,), None))
    alone = hand_settings(Scenario.OFFLINE, 8, (1, 8), None, one_caller=True)
    assert {(each["workers"], each["threads"]) for each in alone} == {(1, 8), (1, 4)}


def test_a_null_session_runs_as_many_queries_as_asked():
    found = run_json(
        "loadscope.tools.bench.null_session", "suite", "SingleStream", "0.001", "0.001", "5000"
    )
    assert found["valid"] and found["us_per_query"] > 0


@pytest.mark.parametrize("what", ["suite", "bare"])
def test_preprocessing_is_measured(tmp_path, what):
    (tmp_path / "val").mkdir()
    random = np.random.default_rng(0)
    names = [f"{number}.jpg" for number in range(4)]
    for name in names:
        cv2.imwrite(str(tmp_path / "val" / name), random.integers(0, 255, (90, 120, 3), np.uint8))
    (tmp_path / "val_map.txt").write_text("".join(f"{name} 0\n" for name in names))
    assert preprocessing.measure(what, tmp_path, "reduced")["images_per_second"] > 0


def test_the_rows_are_written_beside_the_machine_that_they_were_measured_on(tmp_path):
    rows = [{"framework": "onnxruntime", "ratio": 0.99}]
    write_rows(tmp_path / "bench.json", rows)
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["rows"] == rows
    assert written["host"]["machine"] == platform.machine()


@pytest.mark.parametrize(("batch", "runs", "met"), [(8, 2, True), (4, 10, False)])
def test_a_default_that_is_the_best_by_hand_is_measured_by_one_pair(monkeypatch, batch, runs, met):
    rates = {1: 10.0, 4: 80.0, 8: 100.0, 16: 50.0}
    measured = []

    def figure(one, scenario, settings, seconds, percentile):
        if seconds == 4:
            measured.append(settings)
        # A default of the same layout seems worse by chance, and is not.
        return rates[settings["batch_size"]] * (settings["workers"] == 1) if settings else 90.0

    taken = {"workers": 1, "threads": 1, "batch_size": batch, "instances": 1}
    monkeypatch.setattr(defaults, "figure", figure)
    monkeypatch.setattr(defaults, "_taken", lambda one, scenario: taken)
    monkeypatch.setattr(defaults, "usable_cores", lambda: 1)
    case = BenchCase("m", "onnxruntime", "d", {"artifact": {"max_batch": None}})
    row = defaults._row(case, Scenario.OFFLINE, "", 5, 4)
    assert row["by_hand"] == {**taken, "batch_size": 8}
    assert (len(measured), row["met"], row["ratio"]) == (runs, met, 0.9)


def test_cells_of_defaults_are_chosen_by_patterns_and_those_that_are_there_are_left_out():
    chosen = defaults._chosen(["yolox-nano/onnxruntime/*"])
    assert chosen == ["yolox-nano/onnxruntime/all", "yolox-nano/onnxruntime/one"]
    assert len(defaults._chosen([])) == 4 * 5 * 2
    with pytest.raises(InputError, match="--cells nothing/\\*: no such cell"):
        defaults.default_rows(["nothing/*"], [], "squad-sample", 1, 1, silent)
    done = [{"cell": name, "scenario": s} for name in chosen for s in ("Offline", "SingleStream")]
    rows = defaults.default_rows(["yolox-nano/onnxruntime/*"], done, "squad-sample", 1, 1, silent)
    assert list(rows) == []


def test_one_core_is_that_for_what_is_started_within():
    before = os.sched_getaffinity(0)
    with defaults._confined("one"):
        assert usable_cores() == 1
    assert os.sched_getaffinity(0) == before


def test_bench_goes_on_with_the_rows_that_it_has(tmp_path):
    (tmp_path / "bench.json").write_text("[]")
    output = ["--resume", "--output", str(tmp_path / "bench.json")]
    done = CliRunner().invoke(bench, ["--part", "defaults", *output])
    assert "expected the bench.json of an earlier session" in str(done.exception)


def test_parity_is_the_largest_difference_to_the_largest_value_and_the_best_class():
    wanted = np.array([[0.0, 2.0, -4.0], [1.0, 0.9995, 0.0]], np.float32)
    near = parity.row("m", "f", list(wanted + np.float32(0.002)), list(wanted))
    assert near["met"] and near["suite"] == pytest.approx(0.002 / 4, rel=1e-3)
    # Within the tolerance, and another class all the same.
    turned = wanted.copy()
    turned[1, 1] = 1.0005
    other = parity.row("m", "f", list(turned), list(wanted))
    assert other["suite"] < parity.TOLERANCE and not other["met"]
    assert "top-1 the same of 1" in other["what"]
    lost = parity.row("m", "f", list(np.full_like(wanted, np.nan)), list(wanted))
    assert not lost["met"] and lost["suite"] > 1
    # Answers to two texts have the lengths of the texts.
    texts = [np.ones((3, 2), np.float32), np.ones((5, 2), np.float32)]
    assert parity.row("m", "f", texts, texts)["what"] == "2 inputs"
    assert "shape (5, 2) instead of (3, 2)" in parity.row("m", "f", texts[::-1], texts)["what"]
    refused = parity.row("m", "f", "no operator Foo", list(wanted))
    assert not refused["met"] and refused["what"] == "refused: no operator Foo"


def test_a_framework_that_has_no_figure_is_shown_without_one(tmp_path, capsys):
    rows = [parity.row("m", "f", "no operator Foo", [np.ones(2, np.float32)])]
    write_rows(tmp_path / "bench.json", rows)
    assert json.loads((tmp_path / "bench.json").read_text())["rows"][0]["suite"] is None
    print_rows(rows)
    assert "missed" in capsys.readouterr().out
