"""``loadscope predict``: what it says of bad input, and one answer of the null backend."""

import json
import sys

import pytest

from loadscope.suite.cli.main import main

ASKED = ("--model", "tiny", "--framework", "null")


@pytest.fixture
def predict(cache, tmp_path, monkeypatch, capsys, manifest):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))

    def run(*arguments):
        words = ["loadscope", "predict", "--models", str(manifest()), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "tinny", "--framework", "null", "--image", "x.png"), "did you mean 'tiny'?"),
        (("--model", "tiny", "--framework", "nul", "--image", "x.png"), "unknown framework 'nul'"),
        ((*ASKED, "--image", "nothing.png"), "nothing.png"),
        (
            (*ASKED, "--image", "text.png"),
            "the sample is unusable: image sample.png does not decode",
        ),
        (ASKED, "add --image"),
        ((*ASKED, "--question", "Who?"), "asks for no 'question'"),
        ((*ASKED, "--image", "x.png", "--repeat", "0"), "0"),
        ((*ASKED, "--image", "x.png", "--device", "nonsense"), "nonsense"),
    ],
)
def test_bad_input_is_told_with_status_2(predict, tmp_path, arguments, says):
    (tmp_path / "text.png").write_text("no picture")
    status, printed = predict(*arguments)
    assert status == 2 and says in printed.err and "Traceback" not in printed.err


def test_an_answer_has_its_times_and_is_no_benchmark(predict, tiny_dataset):
    picture = sorted((tiny_dataset / "val").iterdir())[0]
    status, printed = predict(*ASKED, "--image", picture, "--repeat", "2", "--json")
    told = json.loads(printed.out)
    assert status == 0 and told["not_a_benchmark"] is True
    assert told["first_ms"] > 0 and told["median_ms"] > 0 and told["load_ms"] > 0
    assert len(told["parts"][0]["rows"]) == 5 and "data" not in told["input"]


def test_a_text_comes_token_by_token_with_the_time_of_each(loadscope, environment, kept_cache):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    done = loadscope(
        "predict", "--model", "bulletin-decoder", "--framework", "onnxruntime", "--repeat", "1",
        "--text", "On Wednesday we expect snow in Dunmore. Noon has 38 degrees. In short:",
        "--json",
    )  # fmt: skip
    told = json.loads(done.stdout)
    (part,) = told["parts"]
    text = "".join(row["text"] for row in part["rows"])
    assert text.strip() == "Dunmore, Wednesday: snow, 38 degrees"
    # A byte a token.
    spent = [row["ms"] for row in part["rows"]]
    assert len(spent) >= len(text) and min(spent) > 0
    assert sum(spent) == pytest.approx(told["first_ms"])
