import json
from pathlib import Path

import pytest
import yaml


@pytest.mark.real_data
@pytest.mark.parametrize(
    "framework",
    [
        "onnxruntime",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("pytorch", "tensorflow", "mxnet")
        ),
    ],
)
def test_efficientnet_lite0_names_180_of_200_photographs(
    loadscope, real_data, environment, kept_cache, framework
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    done = loadscope(
        "run", "--model", "efficientnet-lite0", "--framework", framework, "--scenario", "Offline",
        "--mode", "accuracy", "--dataset-path", real_data / "imagenet", "--threads", "1", "--json",
        "--target-qps", "50",
    )  # fmt: skip
    accuracy = json.loads(done.stdout)["accuracy"]
    assert accuracy["samples"] == 200
    assert 178 <= accuracy["value"] * 2 <= 182


@pytest.mark.long
@pytest.mark.real_data
def test_reduced_decoding_leaves_accuracy_as_it_is(
    loadscope, real_data, environment, kept_cache, tmp_path
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    catalogue = yaml.safe_load((Path(__file__).parents[3] / "models.yaml").read_text())
    entry = catalogue["models"]["efficientnet-lite0"]
    entry["preprocess"]["decoding"] = "reduced"
    # Only 8 of the 200 are large enough.
    one = {"schema": catalogue["schema"], "models": {"reduced": entry}}
    (tmp_path / "reduced.yaml").write_text(yaml.safe_dump(one))
    done = loadscope(
        "run", "--models", tmp_path / "reduced.yaml", "--model", "reduced", "--framework",
        "onnxruntime", "--scenario", "Offline", "--mode", "accuracy", "--dataset-path",
        real_data / "imagenet", "--threads", "1", "--target-qps", "50", "--json",
    )  # fmt: skip
    assert 178 <= json.loads(done.stdout)["accuracy"]["value"] * 2 <= 182
