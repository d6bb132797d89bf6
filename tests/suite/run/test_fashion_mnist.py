"""A whole real data set, from Debian's package to a score out of LoadGen's own log."""

import json

import pytest

from loadscope.errors import LoadScopeError
from loadscope.suite.fetch import fetch_dataset


@pytest.fixture
def fashion_mnist(kept_cache, environment):
    try:
        fetch_dataset("fashion-mnist", kept_cache, lambda *_: None)
    except LoadScopeError as error:
        pytest.skip(f"no Fashion-MNIST: {error.message}")
    environment["LOADSCOPE_CACHE"] = str(kept_cache)


@pytest.mark.parametrize(
    "framework", ["onnxruntime", pytest.param("pytorch", marks=pytest.mark.long)]
)
def test_the_network_has_its_published_share_of_all_10000_right(
    loadscope, fashion_mnist, framework
):
    done = loadscope(
        "run", "--model", "fashion-cnn", "--framework", framework, "--scenario", "Offline",
        "--mode", "accuracy", "--dataset-path", "fashion-mnist", "--threads", "1", "--json",
        "--target-qps", "1000",
    )  # fmt: skip
    accuracy = json.loads(done.stdout)["accuracy"]
    assert accuracy["samples"] == 10_000
    # What frameworks compute differs in the last digits, on which a picture or two may hang.
    assert accuracy["value"] == pytest.approx(92.15, abs=0.05)
