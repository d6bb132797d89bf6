import hashlib
import subprocess
import sys
import textwrap
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.artifacts import in_cache, materialise
from loadscope.suite.models.manifest import Catalogue, read_manifest

STATE_DICT = {
    "source": "build:seeded-state-dict",
    "seed": 7,
    "format": "state-dict",
    "architecture": "efficientnet-lite0",
    "layout": "NCHW",
    "inputs": {"images": {"dtype": "float32", "shape": [3, 32, 32]}},
    "outputs": {"logits": {"dtype": "float32", "shape": [10]}},
    "options": {"channels_last": True},
}


@pytest.fixture
def small(entry, write_manifest):
    """An entry for a seeded network of 32 pixels and 10 classes."""

    def make(**changes):
        preprocess = {**entry()["preprocess"], "size": 32}
        artifacts = {"pytorch": {**STATE_DICT, **changes}}
        models = {"small": entry(classes=10, preprocess=preprocess, artifacts=artifacts)}
        return read_manifest(write_manifest(models)).models["small"]

    return make


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache that the tests of this module share."""
    return tmp_path_factory.mktemp("kept")


def test_a_seeded_artifact_is_built_once(small, tmp_path, progress, stages):
    model = small()
    assert not in_cache("small", model, "pytorch", tmp_path)
    built = materialise("small", model, "pytorch", tmp_path, progress)
    assert built.sha256 == hashlib.sha256(built.artifact.path.read_bytes()).hexdigest()
    assert built.source == "build:seeded-state-dict"
    assert in_cache("small", model, "pytorch", tmp_path)
    assert materialise("small", model, "pytorch", tmp_path, progress) == built
    assert [stage for stage in stages if stage[0] == "build small.pth"] == [
        ("build small.pth", 0, 0),
        ("build small.pth", 1, 1),
    ]


def test_another_seed_is_another_file(small, kept, progress):
    one = materialise("small", small(), "pytorch", kept, progress)
    other = materialise("small", small(seed=8), "pytorch", kept, progress)
    assert one.artifact.path != other.artifact.path
    assert one.sha256 != other.sha256


def test_a_damaged_build_is_built_again_to_the_same_bytes(small, kept, progress):
    built = materialise("small", small(), "pytorch", kept, progress)
    built.artifact.path.write_bytes(b"damaged")
    assert materialise("small", small(), "pytorch", kept, progress) == built
    assert hashlib.sha256(built.artifact.path.read_bytes()).hexdigest() == built.sha256


def test_a_wrong_input_of_an_exporter_is_said_in_its_words(small, tmp_path, progress):
    model = small(architecture="efficientnet-lite9")
    with pytest.raises(InputError, match="unknown architecture 'efficientnet-lite9'") as caught:
        materialise("small", model, "pytorch", tmp_path, progress)
    assert "did you mean 'efficientnet-lite0'?" in caught.value.fix
    assert not list(tmp_path.rglob("*.pth"))


def test_a_crashing_exporter_shows_its_last_line_and_the_log(
    small, tmp_path, progress, monkeypatch
):
    # A torch that cannot be imported, in the exporter's process alone.
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libtorch_cpu.so is torn')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(WorkError, match=r"ImportError: libtorch_cpu\.so is torn") as caught:
        materialise("small", small(), "pytorch", tmp_path, progress)
    log = Path(caught.value.fix.rpartition(" ")[2])
    assert "Traceback" in log.read_text()


def test_a_missing_package_is_said_with_its_command(small, tmp_path, progress, monkeypatch):
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    model = small()
    with pytest.raises(InputError, match="needs torch, which is not installed") as caught:
        materialise("small", model, "pytorch", tmp_path, progress)
    assert caught.value.fix == "pip install 'loadscope[pytorch]'"
    assert not in_cache("small", model, "pytorch", tmp_path)


def test_what_a_backend_is_told_is_what_the_manifest_says(small, kept, progress):
    artifact = materialise("small", small(), "pytorch", kept, progress).artifact
    assert artifact.architecture == "efficientnet-lite0"
    assert artifact.inputs[0].shape == (3, 32, 32)
    assert artifact.outputs[0].name == "logits"
    assert artifact.options == {"channels_last": True}


def test_the_null_backend_answers_for_every_model_without_a_file(tmp_path, progress):
    model = Catalogue.load().get("resnet50")
    null = materialise("resnet50", model, "null", tmp_path, progress)
    assert null.artifact.format == "none"
    assert [output.name for output in null.artifact.outputs] == ["ArgMax:0", "softmax_tensor:0"]
    assert not list(tmp_path.iterdir())


def test_a_failed_download_names_the_stand_in(entry, write_manifest, tmp_path, server, progress):
    server.statuses = [404]
    artifact = entry()["artifacts"]["onnxruntime"]
    web = {**artifact, "source": server.url("tiny.onnx"), "checksum_note": "a test"}
    models = {"tiny": entry(stand_in="resnet50-seeded", artifacts={"onnxruntime": web})}
    model = Catalogue.load([write_manifest(models)]).get("tiny")
    with pytest.raises(WorkError) as caught:
        materialise("tiny", model, "onnxruntime", tmp_path, progress)
    assert "the model 'resnet50-seeded' has the same speed" in caught.value.fix


def test_building_brings_no_framework_into_this_process(small, write_manifest, tmp_path):
    small()
    script = """
        import sys
        from pathlib import Path
        from loadscope.suite.fetch.artifacts import materialise
        from loadscope.suite.models.manifest import read_manifest
        model = read_manifest(Path(sys.argv[1])).models["small"]
        materialise("small", model, "pytorch", Path(sys.argv[2]), lambda *_: None)
        print(*sorted({"torch", "onnx", "onnxruntime"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), tmp_path / "models.yaml", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
