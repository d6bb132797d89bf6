from dataclasses import replace

import pytest

from loadscope.errors import InputError
from loadscope.suite.models import exporters as module
from loadscope.suite.models.exporters import exporter, exporters
from loadscope.sut.info import named
from loadscope.sut.registry import BACKENDS


def test_exporters_are_those_of_backends_and_families():
    assert exporter("tensorflow") in BACKENDS["tensorflow"].exporters
    assert {"onnx", "mxnet", "seeded-state-dict", "timm", "keras"} <= set(exporters())


def test_an_unknown_exporter_names_the_near_ones():
    with pytest.raises(InputError, match="unknown exporter 'onx'") as caught:
        exporter("onx")
    assert "did you mean 'onnx'?" in caught.value.fix


def test_two_exporters_of_one_name_are_refused(monkeypatch):
    one = exporter("onnx")
    declared = [one, replace(one, command="other:command")]
    monkeypatch.setattr(module, "_declared", lambda: iter(declared))
    with pytest.raises(InputError, match="two exporters have the name 'onnx'"):
        exporters.__wrapped__()


def test_a_missing_package_is_told_with_the_command_that_brings_it():
    wanted = replace(exporter("onnx"), needs=("torch", "no-such-package|neither-this"))
    with pytest.raises(
        InputError, match="build:onnx needs no-such-package, which is not"
    ) as caught:
        wanted.versions()
    assert caught.value.fix == "pip install 'loadscope[export]'"


def test_the_command_of_an_exporter_takes_the_options_that_it_is_given():
    # Those of the backends; the families' import their libraries when they are called.
    for backend in ("mxnet", "onnxruntime", "pytorch", "tensorflow"):
        for one in BACKENDS[backend].exporters:
            options = {option.name.replace("_", "-") for option in named(one.command).params}
            given = {*one.takes, "output", *filter(None, [one.origin_option])}
            assert options == given
