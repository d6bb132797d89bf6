"""``loadscope run`` from a file at hand to a scored accuracy log, with real LoadGen."""

import json
from pathlib import Path

import pytest

from loadscope.scenarios.names import Scenario
from loadscope.suite.cli.main import main

pytest.importorskip("onnxruntime")


def loadscope(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int | str | None:
    monkeypatch.setattr("sys.argv", ["loadscope", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.real_data
@pytest.mark.parametrize("scenario", list(Scenario))
def test_yolox_nano_scores_the_same_in_every_scenario(
    real_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Scenario,
) -> None:
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    model = ("--framework", "onnxruntime")
    file = real_data / "models" / "yolox_nano.onnx"
    assert loadscope(monkeypatch, "fetch", "yolox-nano", *model, "--from", file) == 0
    run = ("run", "--model", "yolox-nano", *model, "--scenario", scenario, "--mode", "accuracy")
    data = ("--dataset-path", real_data / "coco", "--threads", 1, "--output", "run")
    assert loadscope(monkeypatch, *run, *data) == 0
    line = Path("run", "accuracy", "accuracy.txt").read_text()
    assert line.startswith("mAP=")
    score = json.loads(Path("run", "accuracy", "score.json").read_text())
    assert (score["metric"], score["samples"]) == ("mAP", 40)
    assert score["value"] == pytest.approx(28.5, abs=1)
