import json
import shutil

import pytest

from loadscope.submission.package.runs import read_candidate
from loadscope.submission.package.weights import calibration, calibration_lists, measurements
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import BACKENDS

from .conftest import edit


@pytest.fixture
def recorded(single_stream, tmp_path):
    """A run whose record says that it ran a model of the catalogue on a framework."""

    def record(model, framework, options=None, numerics="float32", lineage=None):
        entry = Catalogue.load().get(model)
        artifact = entry.artifact_for(framework).entry
        options = {**artifact.options, **(options or {})}
        loaded = BACKENDS[framework].weight_changes(options)
        folder = tmp_path / "recorded"
        shutil.copytree(single_stream, folder, dirs_exist_ok=True)
        edit(
            folder / "run.json",
            spec__framework=framework,
            model__id=model,
            model__source=artifact.source,
            model__weights=entry.weights_source(framework),
            model__lineage={**(lineage or entry.lineage(framework)), "loaded": loaded},
            model__numerics=numerics,
        )
        return read_candidate(folder)

    return record


def said(run):
    return json.loads(measurements(run, rehearsal=False))


def test_options_that_change_weights_are_named(recorded):
    run = recorded(
        "resnet50", "pytorch", {"dtype": "bfloat16", "compile": True}, numerics="bfloat16"
    )
    assert said(run) == {
        "input_data_types": "fp32",
        "retraining": "no",
        "starting_weights_filename": "resnet50-19c8e357.pth",
        "weight_data_types": "bf16",
        "weight_transformations": (
            "laid out channels-last; batch norms folded into the convolutions before them; "
            "made constants, folded and packed by torch.compile; rounded to bf16"
        ),
    }
    assert "bf16 by rounding" in calibration([run])


def test_a_fine_tuned_model_says_so_and_names_what_it_began_with(recorded):
    found = said(recorded("minilm-squad", "tensorflow"))
    assert found["retraining"] == "yes"
    assert found["starting_weights_filename"] == "model.safetensors"
    assert found["weight_transformations"].split("; ") == [
        "a fine-tuning delta added to them",
        "exported from PyTorch to ONNX, constants and batch norms folded",
        "converted from ONNX to a TensorFlow graph",
        "made constants",
        "folded and fused by Grappler",
    ]


def test_seeded_weights_have_no_file(recorded):
    found = said(recorded("resnet50-seeded", "pytorch"))
    assert found["starting_weights_filename"] == "none: seeded, never trained"
    assert found["weight_transformations"].startswith("random numbers of a fixed seed; laid out")


@pytest.mark.parametrize(
    ("level", "expected"),
    [(None, "graph optimisation 'all'"), ("basic", "'basic'"), ("none", "no")],
)
def test_graph_optimisation_is_named_as_it_was(recorded, level, expected):
    found = said(recorded("resnet50", "onnxruntime", level and {"graph_optimization": level}))
    assert found["weight_transformations"].endswith(expected)


def test_a_quantised_file_is_int8_and_says_what_its_manifest_does(recorded):
    own = {"file": "resnet50_v1.onnx", "retrained": False}
    for steps, words in (
        (["quantised with 500 images"], "quantised with 500 images"),
        ([], "int8 in the file as it was got"),
    ):
        lineage = {**own, "steps": steps}
        run = recorded("resnet50", "onnxruntime", numerics="int8", lineage=lineage)
        found = said(run)
        assert (found["weight_data_types"], found["starting_weights_filename"]) == (
            "int8",
            "resnet50_v1.onnx",
        )
        assert found["weight_transformations"].startswith(f"{words}; constants folded")
    assert "The weights are int8, quantised by their publisher." in calibration([run])


def test_every_value_that_changes_weights_is_one_that_the_option_takes():
    for backend in BACKENDS.values():
        for name, option in backend.options.items():
            for value in filter(None, option.weights):
                backend.check_options({name: value})
    assert not BACKENDS["pytorch"].weight_changes({"compile": False, "dtype": "float32"})


def test_what_was_quantised_here_has_its_tool_and_its_calibration_samples(recorded):
    quantized = {
        "tool": "Some tool", "versions": {"sometool": "1.2"}, "origin": "a" * 64,
        "dataset": "imagenet", "digest": "b" * 64, "count": 2, "listed": "cal_list_1.txt",
        "samples": {"one.JPEG": "c" * 64, "two.JPEG": "d" * 64},
    }  # fmt: skip
    lineage = {"file": "weights.pth", "retrained": False, "steps": ["quantised to int8"]}
    run = recorded(
        "resnet50", "onnxruntime", numerics="int8", lineage=lineage | {"quantized": quantized}
    )
    told = said(run)
    assert told["weight_data_types"] == "int8" and told["retraining"] == "no"
    assert told["weight_transformations"].startswith("quantised to int8; ")
    text = calibration([run])
    assert "by Some tool (sometool 1.2), calibrated on 2 samples of imagenet" in text
    assert "cal_list_1.txt" in text and "calibration-resnet50.txt" in text
    (listed,) = calibration_lists([run]).items()
    assert listed == (
        "calibration-resnet50.txt", f"{'c' * 64}  one.JPEG\n{'d' * 64}  two.JPEG\n"
    )  # fmt: skip
