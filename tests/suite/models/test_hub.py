"""Models by the id of a repository, from a hub on the loopback."""

import json

import pytest

from loadscope.errors import InputError, UnreachableError
from loadscope.suite.fetch.cache import inventory
from loadscope.suite.models.manifest import Catalogue, family_entry

CONFIG = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "hidden_size": 8,
    "image_size": 32,
    "id2label": {"0": "ant", "1": "bee", "2": "cat"},
    "transformers_version": "4.12.0",
}
PROCESSOR = {"do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
             "image_std": [0.5, 0.25, 0.5], "size": 32}  # fmt: skip
CARD = "---\ntags:\n- vision\nlicense: apache-2.0\n---\n# A model\n"
MODEL = "transformers/acme/tiny"


@pytest.fixture
def publish(hub):
    """Put a repository on the hub: files by name, JSON unless they are text; None for none."""

    def put(name="acme/tiny", revision="main", **changes):
        files = {"config.json": CONFIG, "preprocessor_config.json": PROCESSOR, "README.md": CARD}
        for file, content in (files | changes).items():
            path = hub / name / "resolve" / revision / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                text = content if isinstance(content, str) else json.dumps(content)
                path.write_text(text)

    return put


def changed(of, **changes):
    return {key: value for key, value in {**of, **changes}.items() if value is not None}


def test_a_repository_of_the_hub_is_a_model(publish):
    publish()
    entry = family_entry(MODEL)
    assert (entry.title, entry.licence, entry.classes) == ("acme/tiny (hub)", "Apache-2.0", 3)
    # Its three classes are no part of ImageNet.
    assert entry.dataset == "" and entry.accuracy.meaningful
    how = entry.preprocess
    assert (how.geometry, how.size, how.short_side) == ("squash", 32, 32)
    assert (how.resampler, how.colour) == ("pillow-bilinear", "rgb")
    assert how.mean == (127.5, 127.5, 127.5) and how.std == (127.5, 63.75, 127.5)
    program = entry.artifacts["pytorch"]
    assert program.architecture == "ViTForImageClassification"
    assert program.settings == {"hidden_size": 8, "image_size": 32}
    ((source, checksum),) = program.downloads()
    assert str(source) == "hub:acme/tiny@main#model.safetensors" and not checksum
    assert not entry.verified("onnxruntime")
    # A run keeps it, so that nothing is read of the hub again.
    kept = Catalogue.load().manifest_of(MODEL)
    assert kept is not None and list(kept["models"]) == [MODEL]


def test_a_revision_is_named_after_the_id(publish):
    publish(revision="v1.0")
    artifact = family_entry(f"{MODEL}@v1.0").artifacts["pytorch"]
    assert artifact.base == "hub:acme/tiny@v1.0#model.safetensors"


def test_the_cache_lists_a_repository(publish, tmp_path):
    publish()
    family_entry(MODEL)
    (kept,) = inventory(tmp_path / "cache", lambda *_: None)
    assert (kept.kind, kept.name) == ("models", "acme/tiny@main")


@pytest.mark.parametrize(
    ("network", "processor", "wanted"),
    [
        ("DeiTForImageClassification",
         {"size": 256, "do_center_crop": True, "crop_size": 224},
         ("squash", 224, 256, "pillow-bicubic", "rgb")),
        ("SwinForImageClassification",
         {"size": {"height": 224, "width": 224}, "resample": 3},
         ("squash", 224, 224, "pillow-bicubic", "rgb")),
        # ConvNextImageProcessor: 224 of 256, and nothing cut from 384 on.
        ("ResNetForImageClassification",
         {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224},
          "crop_pct": 0.875},
         ("resize-then-crop", 224, 256, "pillow-bilinear", "rgb")),
        ("ConvNextForImageClassification",
         {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}},
         ("squash", 384, 384, "pillow-bilinear", "rgb")),
        # MobileViT's have no mean, and blue first.
        ("MobileViTForImageClassification",
         {"image_mean": None, "image_std": None, "do_normalize": None, "size": 288,
          "do_center_crop": True, "crop_size": 256, "do_flip_channel_order": True},
         ("resize-then-crop", 256, 288, "pillow-bilinear", "bgr")),
    ],
)  # fmt: skip
def test_an_image_processor_becomes_preprocessing(publish, network, processor, wanted):
    labels = {"0": "tench, Tinca tinca"} | {str(one): "x" for one in range(1, 1000)}
    publish(
        **{"config.json": changed(CONFIG, architectures=[network], id2label=labels),
           "preprocessor_config.json": changed(PROCESSOR, **processor)}
    )  # fmt: skip
    entry = family_entry(MODEL)
    how = entry.preprocess
    assert (how.geometry, how.size, how.short_side, how.resampler, how.colour) == wanted
    assert (entry.dataset, entry.classes) == ("imagenet", 1000)
    if network.startswith("MobileViT"):
        # It divides by 255 and does no more.
        assert (how.mean, how.std) == ((0, 0, 0), (255, 255, 255))


def test_a_reader_brings_its_own_vocabulary(publish):
    publish(
        **{"config.json": {"architectures": ["DistilBertForQuestionAnswering"],
                           "max_position_embeddings": 256},
           "tokenizer_config.json": {"do_lower_case": True}, "vocab.txt": "[PAD]\n[UNK]\n"}
    )  # fmt: skip
    entry = family_entry(MODEL)
    assert entry.preprocess.vocabulary == "hub:acme/tiny@main#vocab.txt"
    assert entry.preprocess.window == 256 and len(entry.preprocess.sha256) == 64
    assert list(entry.artifacts["pytorch"].inputs) == ["input_ids", "attention_mask"]
    assert (entry.title, entry.accuracy.meaningful) == ("acme/tiny (hub)", True)


@pytest.mark.parametrize(
    ("changes", "message", "fix"),
    [
        ({"config.json": changed(CONFIG, architectures=["ViTMAEForPreTraining"])},
         "expected architectures to name a classifier of images", "--family transformers"),
        ({"config.json": "<html>"}, "expected config.json of a model", "remove it from the cache"),
        ({"config.json": None}, "config.json of revision 'main' cannot be had", "correct the id"),
        ({"preprocessor_config.json": None}, "preprocessor_config.json of revision 'main'", "id"),
        ({"preprocessor_config.json": changed(PROCESSOR, resample=1)},
         "resample: expected 2 or 3, got 1", "--models FILE"),
        ({"preprocessor_config.json": changed(PROCESSOR, size={"height": 3, "width": 4})},
         "size: expected a square or a short side", "--models FILE"),
        ({"README.md": None}, "its weights are under unknown", "LOADSCOPE_LICENCES='unknown'"),
        ({"README.md": "---\nlicense: cc-by-nc-4.0\n---\n"}, "under cc-by-nc-4.0",
         "LOADSCOPE_LICENCES='cc-by-nc-4.0'"),
        ({"config.json": {"architectures": ["RobertaForQuestionAnswering"]},
          "tokenizer_config.json": {}}, "its tokenizer is not BERT's", "DistilBert"),
        ({"config.json": {"architectures": ["BertForQuestionAnswering"]},
          "tokenizer_config.json": {"do_lower_case": False}, "vocab.txt": "[PAD]"},
         "its tokenizer is not BERT's in lower case", "uncased"),
    ],
)  # fmt: skip
def test_a_repository_that_cannot_be_run_is_bad_input(publish, changes, message, fix):
    publish(**changes)
    with pytest.raises(InputError) as caught:
        family_entry(MODEL)
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_without_a_way_to_the_hub_it_is_said_what_to_put_where(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError) as caught:
        family_entry(MODEL)
    assert "127.0.0.1:9/acme/tiny/resolve/main/config.json" in caught.value.message
    assert "hub/acme/tiny@main/config.json" in caught.value.fix
    monkeypatch.setenv("HF_ENDPOINT", "http://example.org")
    with pytest.raises(InputError, match=r"HF_ENDPOINT: .* is not a usable web address"):
        family_entry(MODEL)


@pytest.mark.parametrize("name", ["a/b/c", "/b", "a/../b", "a/b@", "a b/c"])
def test_an_id_of_another_form_is_refused(hub, name):
    with pytest.raises(InputError):
        family_entry(f"transformers/{name}")
