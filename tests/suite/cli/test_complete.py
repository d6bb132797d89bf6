import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from loadscope.suite.cli.main import COMMANDS, cli

COMMAND = Path(sys.executable).with_name("loadscope")


@pytest.fixture
def complete(cache, monkeypatch):
    """The words that a line is completed to, in this process."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))

    def answer(line):
        *words, begun = line.split(" ")
        completer = ShellComplete(cli, {}, "loadscope", "_LOADSCOPE_COMPLETE")
        return [item.value for item in completer.get_completions(words, begun)]

    return answer


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("r", ["report", "reproduce", "results", "run"]),
        ("run --mod", ["--model", "--mode", "--models"]),
        ("run --model efficientnet-l", ["efficientnet-lite0"]),
        ("run --framework PY", ["pytorch"]),
        ("run --model resnet50 --scenario s", ["SingleStream", "Server"]),
        ("run --mode TEST", ["TEST01", "TEST04", "TEST06"]),
        ("run --late ", ["last", "in-turn"]),
        ("run --instances a", ["auto"]),
        ("run --framework pytorch --option comp", ["compile=true", "compile=false"]),
        ("trace --level l", ["layer", "library"]),
        ("models show efficientnet-l", ["efficientnet-lite0"]),
        ("models show timm/resnet18.t", ["timm/resnet18.tv_in1k"]),
        ("golden --framework py", ["pytorch"]),
        ("system --framework mx", ["mxnet"]),
        ("validate --model efficientnet-l", ["efficientnet-lite0"]),
    ],
)
def test_names_are_completed_from_their_catalogues(complete, line, words):
    assert complete(line) == words


def test_data_sets_and_models_are_completed_together(complete):
    assert "imagenet-sample20" in complete("run --dataset-path imagenet")
    assert {"imagenet-sample20", "squad-sample"} <= {*complete("fetch ")}
    assert "efficientnet-lite0" in complete("fetch ")


def test_commands_are_completed(complete):
    assert complete("") == list(COMMANDS)


def test_a_model_of_ones_own_is_completed_and_a_bad_manifest_is_not_told(
    complete, manifest, tmp_path
):
    assert complete(f"run --models {manifest()} --model tin") == ["tiny"]
    bad = tmp_path / "bad.yaml"
    bad.write_text("models: [\n")
    assert complete(f"run --models {bad} --model efficient") == []


def test_the_shell_is_answered_without_a_framework(environment):
    asked = {
        "_LOADSCOPE_COMPLETE": "bash_complete",
        "COMP_WORDS": "loadscope run --model efficientnet-l",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-v", COMMAND],
        capture_output=True,
        text=True,
        env={**environment, **asked},
    )
    assert done.stdout == "plain,efficientnet-lite0\n"
    imported = {line.split("'")[1] for line in done.stderr.splitlines() if "import '" in line}
    assert "loadscope.suite.models.manifest" in imported
    heavy = {"onnxruntime", "torch", "tensorflow", "mxnet", "mlperf_loadgen"}
    assert not heavy & imported


def test_the_script_for_each_shell_is_printed_and_documented(environment):
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text()
    for shell in ("bash", "zsh", "fish"):
        environment["_LOADSCOPE_COMPLETE"] = f"{shell}_source"
        done = subprocess.run([COMMAND], capture_output=True, text=True, env=environment)
        assert f"_LOADSCOPE_COMPLETE={shell}_complete" in done.stdout
        assert f"_LOADSCOPE_COMPLETE={shell}_source loadscope" in page
