"""The scenario scripts of each target: every one can be read, and its models exist for it."""

import subprocess
from pathlib import Path

import pytest

import loadscope
from loadscope.suite.manifest import Catalogue
from loadscope.suite.script import read_script

ROOT = Path(loadscope.__file__).resolve().parents[2]
TARGETS = ("x86-64-cpu", "ibm-z16-cpu", "ibm-z16-nnpa", "ibm-z17-nnpa", "ibm-linuxone")
BENCHMARKS = ("resnet50", "yolo11l", "bert-large")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_script_names_models_that_its_frameworks_have(target, benchmark, monkeypatch):
    monkeypatch.chdir(ROOT)
    specs = read_script(Path("scenarios", target, f"{benchmark}.yaml"), {})
    assert specs
    for spec in specs:
        chosen = Catalogue.load(spec.models).get(spec.model).artifact_for(spec.framework).entry
        if target.endswith("nnpa") and spec.framework == "onnxmlir":
            assert chosen.options == {"accelerator": "NNPA", "march": target[4:7]}


@pytest.mark.parametrize("target", TARGETS)
def test_a_campaign_says_what_it_takes(target):
    script = ROOT / "scenarios" / target / "campaign.sh"
    done = subprocess.run([script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
