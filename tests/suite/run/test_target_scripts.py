"""The scenario scripts of each target, and the campaign that runs them all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import loadscope
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.submission.rounds import load_round
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.script import read_script

ROOT = Path(loadscope.__file__).resolve().parents[2]
TARGETS = {
    "x86-64-cpu": "edge", "ibm-z16-cpu": "edge", "ibm-z16-nnpa": "edge", "ibm-z17-nnpa": "edge",
    "ibm-linuxone": "datacenter,edge",
}  # fmt: skip
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
@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_script_has_all_that_the_closed_division_wants(target, benchmark, monkeypatch):
    monkeypatch.chdir(ROOT)
    specs = read_script(Path("scenarios", target, f"{benchmark}.yaml"), {})
    entry = Catalogue.load(specs[0].models).get(specs[0].model)
    rules = load_round().benchmarks[entry.loadgen_model]
    assert entry.mlperf and entry.mlperf.division == "closed" and rules.compliance
    for framework in {spec.framework for spec in specs}:
        own = [spec for spec in specs if spec.framework == framework]
        assert tuple(str(spec.scenario) for spec in own) == rules.categories[TARGETS[target]]
    for spec in specs:
        assert spec.mode == (Mode.PERFORMANCE, Mode.ACCURACY, Mode.COMPLIANCE)


@pytest.mark.parametrize("target", TARGETS)
def test_a_campaign_says_what_it_takes(target):
    script = ROOT / "scenarios" / target / "campaign.sh"
    done = subprocess.run([script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")


@pytest.fixture
def campaign(tmp_path, environment, tiny_dataset, manifest):
    """A target of one benchmark on the null backend, and what starts its campaign."""
    folder = tmp_path / "scenarios"
    (folder / "tiny").mkdir(parents=True)
    shutil.copy(ROOT / "scenarios/campaign.sh", folder)
    of_target = (ROOT / "scenarios/x86-64-cpu/campaign.sh").read_text()
    (folder / "tiny/campaign.sh").write_text(of_target.replace("x86-64-cpu", "tiny"))
    common = f"models: [{manifest(delay_us=1000)}]\nmodel: tiny\nscenario: [SingleStream]\n"
    common += "mode: [performance, accuracy, compliance]\nframework: "
    for benchmark in BENCHMARKS:
        framework = "['null', pytorch]" if benchmark == "resnet50" else "[pytorch]"
        (folder / "tiny" / f"{benchmark}.yaml").write_text(f"{common}{framework}\n")
    fields = {
        name: "1" if rule.whole_number else "available" if name == "status" else "test"
        for name, rule in load_round().submission.system_fields.items()
        if name not in ("division", "submitter")
    }
    (tmp_path / "box.json").write_text(json.dumps({**fields, "system_type": "edge"}))
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(framework, *options):
        sets = [str(tiny_dataset)] * 3
        return subprocess.run(
            [
                *("bash", folder / "tiny/campaign.sh", *options, framework, *sets, "Acme"),
                *("box.json", "out"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )

    return run


def test_a_rehearsal_ends_with_a_tree_and_goes_on_where_it_was(campaign, tmp_path):
    done = campaign("null", "--rehearsal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "yolo11l is not run on null here, but on: pytorch" in done.stderr
    (found,) = (tmp_path / "out/runs/tiny").iterdir()
    run = RunDirectory.open(found)
    assert list(run.read().state) == ["performance", "accuracy", "TEST01", "TEST04"]
    tree = tmp_path / "out/submission/tiny/closed/Acme"
    result = tree / "results/box/resnet/SingleStream"
    assert (result / "TEST01/verify_accuracy.txt").exists()
    assert (result / "TEST04/verify_performance.txt").exists()
    assert (tree / "documentation/REHEARSAL.md").exists()
    # As if it had been interrupted before the tree was made.
    shutil.rmtree(tmp_path / "out/submission")
    before = run.read()
    done = campaign("null", "--rehearsal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.read() == before
    assert (result / "TEST04/verify_performance.txt").exists()
    # What was measured is no longer what is asked for.
    done = campaign("null")
    assert done.returncode == 2
    assert "changed since the campaign was started" in done.stderr


def test_a_campaign_refuses_a_framework_that_the_target_has_not(campaign):
    done = campaign("mxnet")
    assert done.returncode == 2
    assert "no benchmark of tiny runs on 'mxnet'" in done.stderr
