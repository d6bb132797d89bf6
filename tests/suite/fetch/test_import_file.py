import hashlib
import json
from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.suite.cli.main import main
from loadscope.suite.fetch.files import is_cached
from loadscope.suite.fetch.import_file import place
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.models.source import BuildSource

CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = """
schema: 1
models:
  small:
    title: Small
    task: object-detection
    licence: Apache-2.0
    mlperf: {{submission: [yolo-95], loadgen: yolo, compliance: yolo, rules: YOLO, division: open}}
    dataset: coco
    classes: 80
    accuracy: {{metric: mAP}}
    preprocess: {{geometry: letterbox-centre, resampler: opencv-bilinear, size: 32}}
    postprocess: {{kind: yolo11, output: o, score_threshold: 0.1, iou_threshold: 0.5}}
    artifacts:
      onnxruntime: &file
        source: https://models.invalid/a/small.onnx
        {checksum}
        format: onnx
        layout: NCHW
        inputs: {{images: {{dtype: float32, shape: [3, 32, 32]}}}}
        outputs: {{o: {{dtype: float32, shape: [84, 21]}}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "downloaded.onnx"
    path.write_bytes(CONTENT)
    return path


def manifest(tmp_path: Path, checksum: str = f"sha256: {SHA256}") -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(MODEL.format(checksum=checksum))
    return path


def put(tmp_path: Path, file: Path, checksum: str = f"sha256: {SHA256}", frameworks=()):
    entry = Catalogue.load([manifest(tmp_path, checksum)]).get("small")
    placed = place("small", entry, frameworks, file, tmp_path / "cache", lambda *_: None)
    artifact = entry.artifacts["onnxruntime"]
    source = artifact.parsed_source()
    assert not isinstance(source, BuildSource)
    assert is_cached(source, artifact.checksum(), tmp_path / "cache")
    return placed


@pytest.mark.parametrize(
    "checksum", [f"sha256: {SHA256}", f"sha256_prefix: {SHA256[:8]}", "checksum_note: none given"]
)
def test_a_file_at_hand_is_as_good_as_a_download(tmp_path, file, checksum):
    placed = put(tmp_path, file, checksum)
    assert placed.sha256 == SHA256
    assert placed.path.read_bytes() == CONTENT
    assert file.exists()


def test_a_second_file_without_a_checksum_replaces_the_first(tmp_path, file, monkeypatch, capsys):
    model = manifest(tmp_path, "checksum_note: none given")
    fetch = ("fetch", "small", "--framework", "onnxruntime", "--models", model, "--from")
    assert loadscope(monkeypatch, tmp_path, *fetch, file) == 0
    first = capsys.readouterr().out
    assert "(unverified: the manifest has no checksum of it)" in first
    assert "replaced" not in first
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other weights")
    assert loadscope(monkeypatch, tmp_path, *fetch, other) == 0
    assert f"replaces another file, sha256 {SHA256}" in capsys.readouterr().out
    (kept,) = (tmp_path / "cache").rglob("small.onnx")
    assert kept.read_bytes() == b"other weights"
    # A third time there is nothing to replace.
    assert loadscope(monkeypatch, tmp_path, *fetch, other, "--json") == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["verified"], said["replaced"]) == (False, None)
    assert said["sha256"] == hashlib.sha256(b"other weights").hexdigest()


def test_another_file_is_refused_and_both_checksums_are_named(tmp_path, file):
    file.write_bytes(b"something else")
    with pytest.raises(InputError, match=f"is not a file of small: expected sha256 .*{SHA256}"):
        put(tmp_path, file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.onnx: No such file"):
        put(tmp_path, tmp_path / "none.onnx")


def test_a_model_that_is_not_downloaded_has_no_use_for_a_file(tmp_path, file):
    entry = Catalogue.load().get("resnet50-seeded")
    with pytest.raises(InputError, match="resnet50-seeded: no downloaded file found"):
        place("resnet50-seeded", entry, (), file, tmp_path, lambda *_: None)


def test_a_file_without_a_checksum_that_may_be_for_either_is_asked_about(tmp_path, file):
    source = manifest(tmp_path, "checksum_note: none given").read_text()
    other = tmp_path / "two.yaml"
    other.write_text(
        source
        + """      pytorch:
        source: https://models.invalid/a/small.pth
        checksum_note: none given
        format: state-dict
        architecture: resnet50-v1.5
        layout: NCHW
        inputs: {images: {dtype: float32, shape: [3, 32, 32]}}
        outputs: {o: {dtype: float32, shape: [84, 21]}}
"""
    )
    entry = Catalogue.load([other]).get("small")
    with pytest.raises(InputError, match="fits several frameworks: onnxruntime, pytorch") as caught:
        place("small", entry, (), file, tmp_path / "cache", lambda *_: None)
    assert "--framework" in caught.value.fix
    placed = place("small", entry, ("pytorch",), file, tmp_path / "cache", lambda *_: None)
    assert placed.path.name == "small.pth"


def loadscope(monkeypatch, tmp_path, *arguments):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.argv", ["loadscope", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_fetch_takes_a_file_from_where_it_is(tmp_path, file, monkeypatch, capsys):
    model = ("fetch", "small", "--framework", "onnxruntime", "--models", manifest(tmp_path))
    assert loadscope(monkeypatch, tmp_path, *model, "--from", file) == 0
    assert "small onnxruntime: " in capsys.readouterr().out


def test_without_a_network_the_command_that_takes_a_file_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("loadscope.suite.fetch.web._PAUSES", ())
    path = manifest(tmp_path)
    # Nothing listens at port 1 of the loopback.
    path.write_text(path.read_text().replace("https://models.invalid", "http://127.0.0.1:1"))
    fetch = ("fetch", "small", "--framework", "onnxruntime", "--models", path)
    assert loadscope(monkeypatch, tmp_path, *fetch) == 2
    said = capsys.readouterr().err
    assert "the server cannot be reached" in said
    assert "loadscope fetch small --framework onnxruntime --from FILE" in said


def test_fetch_takes_a_file_for_one_id_only(tmp_path, file, monkeypatch, capsys):
    asked = ("fetch", "coco", "efficientnet-lite0", "--from", file)
    assert loadscope(monkeypatch, tmp_path, *asked) == 2
    assert "--from: expected one id, got coco, efficientnet-lite0" in capsys.readouterr().err
