"""Volumes under LoadGen: windows, the official payload, the score, and the layers of each pass."""

import json

import nibabel
import numpy as np
import pytest
from tests.datasets.volumes.levels_network import write_levels_network

SIDE = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("volumes")
    write_levels_network(SIDE, made / "levels.onnx")
    random = np.random.default_rng(5)
    for number, shape in enumerate([(8, 8, 8), (16, 8, 12)]):
        case = made / "data" / f"case_{number}"
        case.mkdir(parents=True)
        scan = random.normal(1, 2, shape).astype(np.float32)
        mask = ((scan > 0).astype(np.uint8) + (scan > 2)).astype(np.uint8)
        # One voxel in ten of the mask is wrong.
        mask[random.random(shape) < 0.1] = 1
        for name, voxels in (("imaging", scan), ("segmentation", mask)):
            nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), case / f"{name}.nii.gz")
    return made


def expected(folder):
    scores = []
    for case in sorted((folder / "data").iterdir()):
        scan, mask = (
            np.asarray(nibabel.Nifti1Image.from_filename(case / f"{name}.nii.gz").dataobj)
            for name in ("imaging", "segmentation")
        )
        found = (scan > 0).astype(int) + (scan > 2)
        for one in (1, 2):
            both = ((found == one) & (mask == one)).sum()
            scores.append(2 * both / ((found == one).sum() + (mask == one).sum()))
    return np.mean(scores)


def test_volumes_are_answered_window_by_window_and_scored_from_the_log(
    folder, tmp_path, monkeypatch, loadscope
):
    monkeypatch.chdir(tmp_path)
    common = [
        "--model", str(folder / "levels.onnx"), "--dataset-path", str(folder / "data"),
        "--scenario", "Offline", "--threads", "1",
    ]  # fmt: skip
    done = loadscope(
        "run", *common, "--mode", "performance", "--mode", "accuracy", "--min-duration", "100ms",
        "--layout-seconds", "0", "--output", "out", "--json",
    )  # fmt: skip
    assert "volume-segmentation of 3 classes" in done.stderr
    ran = json.loads(done.stdout)
    score = ran["accuracy"]
    assert score["metric"] == "Dice" and ran["samples_per_second"] > 0
    assert score["value"] == pytest.approx(expected(folder), abs=1e-5)
    assert score["line"].startswith("Accuracy: mean = 0.")
    log = json.loads((tmp_path / "out/accuracy/mlperf_log_accuracy.json").read_text())
    assert {len(each["data"]) // 2 for each in log} == {8**3, 16 * 8 * 12}
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == score
