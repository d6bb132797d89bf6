"""The playground with a real server; the null backend where the answer is not the point."""

import base64
import importlib.util
import struct
import time
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

import loadscope as ls
from loadscope.suite.models.artifact_entry import Accuracy
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.run.machine import measurements, measuring
from loadscope.suite.web.uploads.pictures import MOST_PIXELS


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8))
    return path


@pytest.fixture
def here(monkeypatch, cache):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))


def asked(**more):
    return {"task": "image-classification", "model": "efficientnet-lite0",
            "framework": "onnxruntime", **more}  # fmt: skip


def bomb(width, height):
    """A PNG whose header alone says how large it is."""
    head = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a picture"),
        (b"GIF89a" + b"0" * 40, 415, "not a picture"),
        (bomb(20_000, 20_000), 422, "20,000 x 20,000 pixels"),
        (bomb(10, 10), 422, "cannot be decoded"),
        (b"\xff\xd8\xff\xe0", 422, "no size"),
        (b"", 422, "no picture given"),
    ],
)
def test_what_is_no_picture_is_refused(visit, here, content, status, says):
    answer = visit().post("/play", asked(), files={"image": ("x.png", content)})
    assert answer.status_code == status and says in answer.text
    assert MOST_PIXELS < 20_000 * 20_000


def test_the_bounds_of_a_play(visit, here, picture):
    visitor = visit()
    several = [f"m{n}" for n in range(7)]
    answer = visitor.post("/play", asked(model=several), files={"image": picture.read_bytes()})
    assert answer.status_code == 422 and "7 answers" in answer.text
    text = {"task": "question-answering", "model": "m", "framework": "f", "question": "?"}
    answer = visitor.post("/play", {**text, "passage": "a" * 1_000_000})
    assert answer.status_code == 422 and "1,000,000 characters" in answer.text
    assert visitor.post("/play", asked(task="nonsense")).status_code == 422
    assert visitor.get("/play/none").status_code == 404
    assert visitor.get("/play/examples/image-classification/..%2f..%2fx").status_code == 404


def test_nobody_plays_while_a_test_runs(visit, here, picture, tmp_path):
    visitor = visit()
    with measuring(tmp_path / "measured"):
        assert [one.run_dir for one in measurements()] == [tmp_path / "measured"]
        answer = visitor.post("/play", asked(), files={"image": picture.read_bytes()})
        assert answer.status_code == 409 and "a test runs on this machine (measured)" in answer.text
    assert measurements() == []


def test_a_failure_is_told_on_its_card(visit, here, picture):
    visitor = visit()
    answer = visitor.post(
        "/play",
        asked(framework="onnxruntime", model="nonsense"),
        files={"image": picture.read_bytes()},
    )
    page = wait_for_answers(visitor, answer.headers["location"])
    assert "unknown model" in page and "Traceback" not in page


def test_without_the_framework_nothing_is_fetched_and_the_command_is_shown(
    visit, picture, tmp_path, monkeypatch
):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "empty"))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "MNN" else find(name)
    )
    visitor = visit()
    answer = visitor.post("/play", asked(framework="mnn"), files={"image": picture.read_bytes()})
    page = wait_for_answers(visitor, answer.headers["location"])
    assert "MNN is not installed in this environment" in page and "pip install" in page
    assert "not on this machine" not in page


def test_a_model_that_is_not_here_is_fetched_when_somebody_says_so(
    visit, kept_cache, picture, tmp_path, monkeypatch
):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "empty"))
    visitor = visit()
    answer = visitor.post("/play", asked(), files={"image": picture.read_bytes()})
    page = wait_for_answers(visitor, answer.headers["location"])
    assert "not on this machine yet: about 19 MB, licence Apache-2.0" in page
    assert "first predict" not in page and not list(tmp_path.rglob("empty/**/*.onnx"))
    frame = visitor.post("/play/frame", asked(), files={"image": picture.read_bytes()})
    assert frame.status_code == 422 and "not on this machine" in frame.json()["error"]
    assert visitor.post("/play/none/fetch").status_code == 404
    # Where other tests have fetched it, it is not fetched again.
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    visitor.post(f"{answer.headers['location']}/fetch")
    page = wait_for_answers(visitor, answer.headers["location"])
    assert "first predict" in page and "seeded weights" not in page
    # Of weights that nobody trained the answer is told as none.
    chosen = ModelEntry.artifact_for
    monkeypatch.setattr(
        ModelEntry, "artifact_for",
        lambda *of: replace(chosen(*of), accuracy=Accuracy(meaningful=False)),
    )  # fmt: skip
    answer = visitor.post("/play", asked(), files={"image": picture.read_bytes()})
    page = wait_for_answers(visitor, answer.headers["location"])
    assert "first predict" in page and "seeded weights" in page


def wait_for_answers(visitor, address):
    while True:
        page = visitor.get(address).text
        if "data-unfinished" not in page:
            return page
        time.sleep(0.1)


def test_the_page_answers_as_the_library_does(visit, kept_cache, monkeypatch, picture):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    told = ls.predict("efficientnet-lite0", "onnxruntime", image=picture, layers=True)
    (bars,) = told.predicted.parts
    best = bars["rows"][0]
    assert 0.999 < sum(row["share"] for row in bars["rows"]) + 1 < 2
    assert np.frombuffer(base64.b64decode(told.predicted.payload), "<f4").tolist() == [
        float(best["label"].removeprefix("class "))
    ]
    assert told.predicted.input.shape == (1, 3, 224, 224)
    layers, median = told.predicted.layers, told.predicted.median_ms
    assert layers and median and sum(layer.ms for layer in layers) < 10 * median

    visitor = visit()
    answer = visitor.post("/play", asked(layers="on"), files={"image": picture.read_bytes()})
    page = wait_for_answers(visitor, answer.headers["location"])
    assert f'{best["label"]}</span> <span class="number">{best["text"]}' in page
    assert "data:image/png;base64," in page and "Not a benchmark" in page
    frame = visitor.post("/play/frame", asked(), files={"image": picture.read_bytes()}).json()
    assert frame["parts"][0]["rows"][0] == best
