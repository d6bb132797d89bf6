from pathlib import Path

import pytest

import loadscope
from loadscope.errors import InputError
from loadscope.shipped import here_or_shipped, shipped_scripts
from loadscope.suite.models.manifest import Catalogue, read_manifest
from loadscope.suite.run.script import read_script

SCENARIOS = Path(loadscope.__file__).parent / "scenarios"


def test_every_script_is_named_and_read_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = shipped_scripts()
    assert len(names) == len([*SCENARIOS.glob("*/*.yaml")]) - len(
        [*SCENARIOS.glob("*/models.yaml")]
    )
    built_in = Catalogue.load().models
    for name in names:
        for spec in read_script(Path(name), {}):
            # The manifests that the scripts of some targets name are found too.
            own = {
                model
                for path in spec.models
                for model in read_manifest(here_or_shipped(path)).models
            }
            assert spec.model in own or spec.model in built_in


def test_a_manifest_that_is_shipped_is_recorded_by_its_name():
    (spec, *_) = read_script(Path("scenarios:ibm-z16-nnpa/resnet50"), {})
    assert spec.models == (Path("scenarios:ibm-z16-nnpa/models"),)


def test_the_suffix_may_be_left_out_and_a_path_stays_a_path():
    script = SCENARIOS / "x86-64-cpu/resnet50.yaml"
    assert here_or_shipped(Path("scenarios:x86-64-cpu/resnet50")) == script
    assert here_or_shipped(Path("scenarios:x86-64-cpu/resnet50.yaml")) == script
    assert here_or_shipped(Path("scenarios/mine.yaml")) == Path("scenarios/mine.yaml")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("scenarios:", "scenarios: and one of: demo/fashion-mnist, "),
        ("scenarios:x86-64-cpu/resnet", "did you mean 'x86-64-cpu/resnet50-seeded' or "),
        ("scenarios:../models", "x86-64-cpu/yolox-nano"),
    ],
)
def test_a_wrong_name_lists_the_scripts(name, hint):
    with pytest.raises(InputError) as error:
        read_script(Path(name), {})
    assert error.value.message.startswith(f"{name}: not found")
    assert hint in error.value.fix
