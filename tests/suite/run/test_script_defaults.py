"""Which framework and scenario a model of a family has where none is named."""

import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.suite.models.manifest import family_entry
from loadscope.suite.run.script import without_names
from loadscope.sut.registry import backend_info


def test_a_model_of_a_family_runs_on_the_first_framework_that_is_here():
    able = [name for name in family_entry("timm/resnet18").frameworks()]
    here = [name for name in able if backend_info(name).installed()]
    found = without_names({"model": "timm/resnet18"})
    assert found == {
        "model": "timm/resnet18", "framework": here[0], "scenario": Scenario.OFFLINE,
    }  # fmt: skip
    named = {"model": "timm/resnet18", "framework": "onnxruntime", "scenario": "Server"}
    assert without_names(named) == named


def test_an_unknown_family_is_told_before_a_missing_framework():
    with pytest.raises(InputError, match="unknown model family 'tim'"):
        without_names({"model": "tim/resnet18"})
