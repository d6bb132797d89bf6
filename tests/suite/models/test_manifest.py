import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from loadscope.datasets.classes.classification import ArgmaxSpec
from loadscope.errors import InputError
from loadscope.suite.models.manifest import Catalogue, read_manifest

SHA256 = "0123456789abcdef" * 4


def changed(entry: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at a dotted path set, or removed for ``...``."""
    result = copy.deepcopy(entry)
    *parents, last = path.split(".")
    part = result
    for name in parents:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return result


def test_a_users_manifest_adds_its_models_to_the_built_in_ones(entry, write_manifest):
    catalogue = Catalogue.load([write_manifest({"tiny": entry()})])
    assert catalogue.get("tiny").title == "Tiny"
    assert "resnet50" in catalogue.models


def test_a_file_given_twice_is_read_once(entry, write_manifest):
    path = write_manifest({"tiny": entry()})
    assert Catalogue.load([path, path]).get("tiny").title == "Tiny"


def test_an_id_that_another_file_has_is_refused(entry, write_manifest):
    path = write_manifest({"resnet50": entry()})
    with pytest.raises(
        InputError, match=r" line 3: models\.resnet50: duplicate id, also in .*models\.yaml"
    ):
        Catalogue.load([path])


def test_an_unknown_model_names_the_near_and_the_known_ones():
    with pytest.raises(InputError) as caught:
        Catalogue.load().get("resnet-50")
    assert "did you mean 'resnet50'? known: efficientnet-lite0, resnet50" in caught.value.fix


def test_an_unknown_stand_in_is_refused(entry, write_manifest):
    path = write_manifest({"tiny": entry(stand_in="none")})
    with pytest.raises(
        InputError, match=r" line \d\d: models\.tiny\.stand_in: unknown model 'none'"
    ):
        Catalogue.load([path])


def test_a_file_source_is_relative_to_its_manifest(entry, write_manifest, tmp_path):
    manifest = read_manifest(write_manifest({"tiny": entry()}))
    source = manifest.models["tiny"].artifacts["onnxruntime"].source
    assert source == f"file:{tmp_path / 'tiny.onnx'}"


def test_an_artifact_has_the_models_settings_or_its_own(entry, write_manifest):
    own = changed(
        entry(),
        "artifacts.onnxruntime.postprocess",
        {"kind": "class-index", "output": "logits", "offset": 1},
    )
    models = read_manifest(write_manifest({"plain": entry(), "own": own})).models
    assert models["plain"].artifact_for("onnxruntime").postprocess.kind == "argmax"
    own_spec = models["own"].artifact_for("onnxruntime").postprocess
    assert own_spec == ArgmaxSpec("class-index", "logits", offset=1)
    assert models["own"].artifact_for("onnxruntime").preprocess == models["own"].preprocess


@pytest.mark.parametrize(
    ("key", "value"),
    [("single_stream_options", {"intra_op": 1}), ("best_batch", 4), ("best_threads", 2)],
)
def test_a_key_that_was_removed_is_ignored_with_a_warning(
    entry, write_manifest, caplog, key, value
):
    old = changed(entry(), f"artifacts.onnxruntime.{key}", value)
    path = write_manifest({"tiny": old})
    assert read_manifest(path) == read_manifest(write_manifest({"tiny": entry()}))
    (said,) = caplog.messages
    assert said.startswith(f"loadscope: {path}: the key '{key}' was removed")


def test_ones_may_stand_behind_the_classes(entry, write_manifest):
    squeezed = changed(entry(), "artifacts.onnxruntime.outputs.logits.shape", [1000, 1, 1])
    read_manifest(write_manifest({"tiny": squeezed}))


def test_a_framework_without_artifact_lists_those_that_have_one():
    entry = Catalogue.load().get("resnet50")
    with pytest.raises(InputError, match="no artifact for 'mxnet'") as caught:
        entry.artifact_for("mxnet")
    assert "use one of: onnxruntime, tensorflow, pytorch" in caught.value.fix


ARTIFACT = "artifacts.onnxruntime"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("titel", "Tiny", "did you mean 'title'?"),
        ("title", 5, "models.tiny.title: expected a valid string, got 5"),
        ("title", ..., "missing key 'models.tiny.title'"),
        ("task", "translation", "image-classification"),
        ("classes", 0, "models.tiny.classes: expected greater than 0, got 0"),
        ("classes", "1000", 'models.tiny.classes: expected a valid integer, got "1000"'),
        ("dataset", "imagnet", "unknown dataset 'imagnet'; known: imagenet"),
        ("mlperf.division", "ajar", "mlperf.division"),
        ("mlperf.submission", [], "mlperf.submission"),
        ("mlperf.submission", "resnet", "mlperf.submission"),
        (
            "accuracy.published",
            751,
            "accuracy.published = 751.0: expected 0 to 100 % of top-1",
        ),
        ("accuracy.published", float("nan"), "accuracy.published"),
        ("accuracy.meaningful", False, "published cannot stand beside meaningful: false"),
        ("preprocess.resampler", "lanczos", "preprocess.resampler"),
        (
            "preprocess.sise",
            224,
            "did you mean 'size'? known here: colour, crop_fraction, decoding, geometry, mean, "
            "resampler, short_side, size, std",
        ),
        ("preprocess.geometry", ..., "missing key 'models.tiny.preprocess.geometry'"),
        ("preprocess.mean", [0.485, 0.456], "mean has 2 numbers"),
        ("preprocess.size", 192, "must be one image of shape [3, 192, 192]"),
        ("postprocess.output", "probs", "reads 'probs', which is not among the outputs: logits"),
        ("postprocess.offset", 1, "does not end in 1001, the number of classes"),
        ("artifacts", {}, "models.tiny.artifacts"),
        ("artifacts.onnx", None, "models.tiny.artifacts.onnx"),
        (
            f"{ARTIFACT}.source",
            "ftp://x/y",
            "expected https:, pypi:, deb:, npm:, hub:, file:, package: or build: at its beginning",
        ),
        (f"{ARTIFACT}.source", "https://example.org/x.onnx", "sha256 is missing"),
        (f"{ARTIFACT}.sha256", "ABC", "artifacts.onnxruntime.sha256"),
        (
            f"{ARTIFACT}.sha256",
            1234,
            "artifacts.onnxruntime.sha256: expected a valid string, got 1234",
        ),
        (f"{ARTIFACT}.format", "tflite", "ONNX Runtime loads onnx, ort, not 'tflite'"),
        (f"{ARTIFACT}.layout", "CHWN", "artifacts.onnxruntime.layout"),
        (f"{ARTIFACT}.layout", "NHWC", "must be one image of shape [224, 224, 3]"),
        (f"{ARTIFACT}.layout", ..., "an image needs NCHW or NHWC"),
        (f"{ARTIFACT}.inputs", {}, "artifacts.onnxruntime.inputs"),
        (f"{ARTIFACT}.inputs.images.dtype", "float", "inputs.images.dtype"),
        (f"{ARTIFACT}.inputs.images.shape", [3, 0, 224], "inputs.images.shape.1 = 0"),
        (f"{ARTIFACT}.inputs.images.dtype", "uint8", "type uint8 cannot hold mean"),
        (f"{ARTIFACT}.outputs.logits.shape", [10], "shape [10] does not end in 1000"),
        (f"{ARTIFACT}.outputs.logits.shape", [1000, 2, 1], "does not end in 1000"),
        (f"{ARTIFACT}.options", [], "artifacts.onnxruntime.options"),
        (f"{ARTIFACT}.seed", 1, "alone take the key 'seed'"),
        (
            f"{ARTIFACT}.from",
            "pytorch",
            "alone take the key 'from'",
        ),
        (f"{ARTIFACT}.source", "build:onnx", "build:onnx needs the key 'from'"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(entry, write_manifest, path, value, said):
    manifest = write_manifest({"tiny": changed(entry(), path, value)})
    with pytest.raises(InputError) as caught:
        read_manifest(manifest)
    assert f"{manifest} line " in caught.value.message
    assert said in str(caught.value)
    assert caught.value.fix


def test_an_unknown_framework_lists_the_known_ones(entry, write_manifest):
    artifact = entry()["artifacts"]["onnxruntime"]
    manifest = write_manifest({"tiny": changed(entry(), "artifacts", {"onnx-runtime": artifact})})
    with pytest.raises(
        InputError, match=r"unknown framework; known: .*mxnet, .*onnxmlir, onnxruntime"
    ):
        read_manifest(manifest)


def test_one_kind_of_checksum_is_enough(entry, write_manifest):
    two = changed(entry(), f"{ARTIFACT}.sha256", SHA256)
    two["artifacts"]["onnxruntime"]["sha256_prefix"] = SHA256[:8]
    with pytest.raises(InputError, match="give one of sha256 and sha256_prefix"):
        read_manifest(write_manifest({"tiny": two}))


def test_an_export_needs_the_state_dict_that_it_names(entry, write_manifest):
    exported = changed(entry(), f"{ARTIFACT}.source", "build:onnx")
    exported["artifacts"]["onnxruntime"]["from"] = "pytorch"
    with pytest.raises(InputError, match=r"from: the model has no state-dict for 'pytorch'"):
        read_manifest(write_manifest({"tiny": exported}))


@pytest.mark.parametrize("model_id", ["Tiny", "", "-tiny", "a/b", "../tiny"])
def test_an_id_is_a_plain_lower_case_name(entry, write_manifest, model_id):
    with pytest.raises(InputError, match="models"):
        read_manifest(write_manifest({model_id: entry()}))


def test_another_schema_version_is_refused(entry, write_manifest):
    with pytest.raises(InputError, match="schema: expected 1, got 2"):
        read_manifest(write_manifest({"tiny": entry()}, schema=2))


def test_the_built_in_models_hold_the_published_facts():
    models = Catalogue.load().models
    lite = models["efficientnet-lite0"]
    assert lite.artifacts["pytorch"].sha256 == (
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    )
    assert lite.mlperf and lite.mlperf.division == "open"
    resnet = models["resnet50"]
    assert resnet.mlperf and resnet.mlperf.division == "closed"
    assert resnet.artifact_for("onnxruntime").accuracy.published == 76.456
    assert resnet.artifact_for("pytorch").accuracy.published == 76.014
    specs = {name: resnet.artifact_for(name).postprocess for name in ("onnxruntime", "pytorch")}
    assert specs["onnxruntime"] == ArgmaxSpec("class-index", "ArgMax:0", offset=1)
    assert specs["pytorch"] == ArgmaxSpec("argmax", "logits", offset=0)
    seeded = models[resnet.stand_in]
    assert not seeded.accuracy.meaningful
    assert set(seeded.artifacts) >= set(resnet.artifacts)


@pytest.mark.parametrize(
    "name",
    [
        "efficientnet-lite0", "resnet50-seeded", "yolox-nano", "yolox-nano-seeded",
        "minilm-squad", "bert-tiny", "bert-mini", "bert-base", "bert-large-seeded",
    ],
)  # fmt: skip
def test_models_of_one_source_of_weights_exist_in_all_four_frameworks(name):
    frameworks = set(Catalogue.load().get(name).artifacts)
    assert frameworks >= {"onnxruntime", "pytorch", "tensorflow", "mxnet"}


def test_all_errors_of_a_manifest_are_told_each_with_its_own_line(entry, write_manifest):
    wrong = entry(titel="T", dataset="imagnet", accuracy={"metric": "top-7"})
    wrong = changed(wrong, f"{ARTIFACT}.format", "tflite")
    wrong = changed(wrong, f"{ARTIFACT}.outputs.logits.shape", [10])
    wrong = changed(wrong, "preprocess.sise", 1)
    path = write_manifest({"fine": entry(), "tiny": wrong, "other": entry(classes=0)})
    text = path.read_text().splitlines()
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    lines = caught.value.message.splitlines()
    expected = {
        "titel: T": "unknown key 'models.tiny.titel' (did you mean 'title'?",
        "dataset: imagnet": "unknown dataset 'imagnet'",
        "metric: top-7": "unknown metric 'top-7'; known for image-classification: top-1, top-5",
        "format: tflite": "not 'tflite'",
        "sise: 1": "unknown key 'models.tiny.preprocess.sise'",
        "classes: 0": "models.other.classes: expected greater than 0, got 0",
    }
    for key, reason in expected.items():
        number = next(at for at, line in enumerate(text, 1) if line.strip() == key)
        assert [line for line in lines if line.startswith(f"{path} line {number}: ")], key
        assert any(reason in line for line in lines if f" line {number}: " in line)
    assert any("shape [10] does not end in 1000" in line for line in lines)
    assert len(lines) == len(expected) + 1


@pytest.mark.parametrize("spelling", ["top5", "top-5", "Top_5"])
def test_top_5_may_be_spelt_in_several_ways(entry, write_manifest, spelling):
    path = write_manifest({"tiny": entry(accuracy={"metric": spelling})})
    assert Catalogue.load([path]).get("tiny").accuracy.metric == spelling


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"postprocess.kind": "class-index"}, "kind 'class-index' gives one class"),
        ({"mlperf.division": "closed"}, "the closed division is scored by top-1"),
        ({"classes": 5, f"{ARTIFACT}.outputs.logits.shape": [5]}, "5 classes is always 100 %"),
    ],
)
def test_top_5_where_it_means_nothing_is_refused(entry, write_manifest, changes, reason):
    model = entry(accuracy={"metric": "top-5"})
    for path, value in changes.items():
        model = changed(model, path, value)
    with pytest.raises(InputError, match=reason):
        read_manifest(write_manifest({"tiny": model}))


def _paths(value: Any, at: str = "") -> list[str]:
    """Every dotted path in a nested dict."""
    if not isinstance(value, dict):
        return [at]
    inner = [path for key in value for path in _paths(value[key], f"{at}.{key}" if at else key)]
    return [at, *inner] if at else inner


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["build:onnx", "file:x", "onnx", "state-dict", "NHWC", 224, [3, 224, 224]]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["seed", "from"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(data=st.data())
def test_a_manifest_changed_anywhere_is_read_or_refused_by_name(tmp_path_factory, entry, data):
    tiny = entry()
    path = data.draw(st.sampled_from(_paths(tiny)))
    value = data.draw(st.just(...) | _ANYTHING)
    file = Path(tmp_path_factory.getbasetemp()) / "changed.yaml"
    models = {"tiny": changed(tiny, path, value)}
    file.write_text(yaml.safe_dump({"schema": 1, "models": models}), encoding="utf-8")
    try:
        manifest = read_manifest(file)
    except InputError as error:
        assert str(file) in error.message
        assert error.fix
        return
    # What is accepted is kept: read, written and read again it is the same.
    written = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    assert read_manifest(file) == manifest


def test_weights_come_from_before_any_conversion():
    model = Catalogue.load(()).get("efficientnet-lite0")
    sources = {model.weights_source(framework) for framework in [*model.artifacts, "null"]}
    assert sources == {model.artifacts["pytorch"].source}


def test_weights_that_a_delta_is_added_to_are_the_first_ones():
    model = Catalogue.load(()).get("minilm-squad")
    assert model.weights_source("mxnet") == model.artifacts["pytorch"].base
    assert model.lineage("mxnet")["retrained"]


def test_a_manifest_of_one_model_is_read_as_the_same_model(tmp_path):
    known = Catalogue.load()
    path = tmp_path / "models.yaml"
    for model_id, entry in known.models.items():
        assert known.manifest_of(model_id) is None
        other = Catalogue({model_id: entry}, {model_id: path}, known.built_in)
        path.write_text(yaml.safe_dump(other.manifest_of(model_id)), encoding="utf-8")
        expected = entry.model_copy(update={"stand_in": ""})
        assert read_manifest(path).models[model_id] == expected
