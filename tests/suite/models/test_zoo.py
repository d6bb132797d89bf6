import csv
import sys

import pytest

from loadscope.datasets.catalog import catalog
from loadscope.errors import InputError
from loadscope.suite.models.listing import Filter, built_in, listed, of_entry
from loadscope.suite.models.manifest import Catalogue, family_entry
from loadscope.suite.models.zoo.family import table
from loadscope.suite.models.zoo.registry import families, family
from loadscope.tools.generate.zoo.rows import Row, read_rows, write_page, write_rows
from loadscope.tools.generate.zoo.sample import pairs

# A model that a family is asked for, and what its entry must say of it.
TRAINED = {
    # Figures of the tables' own sources: results-imagenet.csv, torchvision's meta.
    "timm/resnet18.a1_in1k": (288, 288, "pillow-bicubic", 73.164),
    "timm/resnet18.tv_in1k": (224, 256, "pillow-bilinear", 69.752),
    "torchvision/resnet18.IMAGENET1K_V1": (224, 256, "pillow-bilinear", 69.758),
}


def test_the_families_are_entry_points():
    assert families() == ["keras", "mxnet", "onnx-zoo", "timm", "torchvision", "transformers"]


def test_as_many_models_are_described_as_their_tables_say():
    counts = {name: len(family(name).described()) for name in families()}
    assert counts["timm"] == 1266 and counts["onnx-zoo"] == 184
    assert (counts["mxnet"], counts["keras"]) == (34, 40)
    free = [one for one in family("timm").described().values() if one.permissive]
    assert len(free) == 1168
    assert sum(counts.values()) > 1500


@pytest.mark.parametrize("model", TRAINED)
def test_a_trained_model_has_its_publishers_preprocessing_and_figure(model):
    size, short, resampler, published = TRAINED[model]
    entry = family_entry(model)
    how = entry.preprocess
    assert (how.size, how.short_side, how.resampler) == (size, short, resampler)
    assert entry.accuracy.published == published
    assert entry.artifacts["pytorch"].inputs["images"].shape == (3, size, size)


def test_weights_whose_name_has_a_checksum_are_verified_and_others_are_said_not_to_be():
    resnet = family_entry("torchvision/resnet18.IMAGENET1K_V1")
    assert resnet.verified("onnxruntime")
    ((source, checksum),) = resnet.artifacts["pytorch"].downloads()
    assert str(source).endswith("resnet18-f37072fd.pth") and checksum.prefix == "f37072fd"
    rows = table("timm.csv")
    hub = next(row["name"] for row in rows if row["weights"] == f"hub:timm/{row['name']}")
    assert not family_entry(f"timm/{hub}").verified("pytorch")


@pytest.mark.parametrize(
    "model",
    ["timm/resnet18", "torchvision/resnet18", "keras/MobileNetV2", "mxnet/resnet18_v1",
     "transformers/ViTForImageClassification"],
)  # fmt: skip
def test_a_seeded_model_claims_no_accuracy_and_fetches_nothing(model):
    entry = family_entry(model)
    assert not entry.accuracy.meaningful and entry.accuracy.published is None
    assert "seeded weights" in entry.title
    assert all(not artifact.downloads() for artifact in entry.artifacts.values())


def test_a_squashed_model_is_squashed():
    rows = [row for row in table("timm.csv") if row["geometry"] == "squash"]
    entry = family_entry(f"timm/{rows[0]['name']}")
    assert entry.preprocess.geometry == "squash"


def test_every_model_that_names_a_framework_makes_a_valid_entry():
    names = [
        one.id
        for name in families()
        for one in family(name).described().values()
        if one.frameworks and one.permissive
    ]
    unfit = []
    for name in names:
        try:
            family_entry(name)
        except InputError as error:
            unfit.append(error.message)
    assert len(names) > 1400
    assert all("does not pad images" in message for message in unfit) and len(unfit) == 3


def test_a_network_of_a_kind_that_is_converted_is_one_of_tensorflow_and_mxnet_too():
    entry = family_entry("timm/mobilenetv2_100")
    assert list(entry.artifacts) == ["pytorch", "onnxruntime", "mxnet", "tensorflow"]
    frozen = entry.artifacts["tensorflow"]
    assert (frozen.made_from, frozen.layout) == ("onnxruntime", "NHWC")
    assert frozen.inputs["images"].shape == (224, 224, 3)
    assert entry.artifacts["mxnet"].inputs["images"].shape == (3, 224, 224)
    # What is listed is what the entry names, trained or seeded.
    for name, model in family("torchvision").described().items():
        if model.frameworks and model.permissive:
            assert tuple(family_entry(f"torchvision/{name}").artifacts) == model.frameworks
    with pytest.raises(InputError, match="has no artifact for 'mxnet'"):
        family_entry("timm/vit_tiny_patch16_224").artifact_for("mxnet")


def test_a_family_costs_no_import_of_its_library():
    list(listed(built_in()))
    family_entry("timm/resnet18")
    assert not {"timm", "torchvision", "keras", "transformers"} & set(sys.modules)


@pytest.mark.parametrize(
    ("model", "message", "fix"),
    [
        ("tim/resnet18", "unknown model family 'tim'", "did you mean 'timm'?"),
        ("timm/resnet19", "unknown model 'timm/resnet19'", "did you mean '"),
        ("keras/mobilenetv2", "unknown model 'keras/mobilenetv2'", "did you mean 'MobileNetV2"),
        ("mxnet/none", "unknown model 'mxnet/none'", "see: loadscope models --family mxnet"),
        (
            "torchvision/raft_large",
            "exports none of its networks of optical-flow",
            "--framework pytorch",
        ),
        ("onnx-zoo/yolov3-10", "have free sizes", "--task tensors --shape INPUT=1,"),
    ],
)
def test_a_model_that_cannot_be_had_is_bad_input(model, message, fix):
    with pytest.raises(InputError) as caught:
        Catalogue.load().get(model)
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_a_network_of_a_task_that_there_is_not_takes_any_arrays():
    style = family_entry("onnx-zoo/candy-9")
    assert (style.task, style.artifacts["onnxruntime"].max_batch) == ("tensors", 1)
    assert style.preprocess.inputs["input1"].shape == (3, 224, 224)
    # Outputs that have no axis of samples are not answered.
    boxes = family_entry("onnx-zoo/ssd-12").artifacts["onnxruntime"]
    assert list(boxes.outputs) == ["bboxes", "labels", "scores"]
    clip = family_entry("torchvision/r3d_18")
    assert clip.preprocess.inputs["images"].shape == (3, 16, 112, 112)
    assert not clip.accuracy.meaningful and "seeded weights" in clip.title


def test_a_segmenter_has_a_task_of_its_own():
    pixels = family_entry("torchvision/lraspp_mobilenet_v3_large.COCO_WITH_VOC_LABELS_V1")
    assert (pixels.task, pixels.classes) == ("semantic-segmentation", 21)
    assert pixels.artifacts["onnxruntime"].outputs["logits"].shape == (21, 520, 520)
    assert pixels.accuracy.published is None and pixels.accuracy.meaningful
    seeded = family_entry("torchvision/lraspp_mobilenet_v3_large")
    assert not seeded.accuracy.meaningful and "seeded weights" in seeded.title


def test_a_family_names_no_benchmark():
    for model in (*TRAINED, "onnx-zoo/squeezenet1.1-7", "onnx-zoo/candy-9"):
        assert family_entry(model).mlperf is None


def test_weights_that_forbid_some_uses_are_taken_when_their_licence_is_named(monkeypatch):
    model = next(
        one.id for one in family("timm").described().values() if one.licence == "CC-BY-NC-4.0"
    )
    with pytest.raises(
        InputError, match=r"CC-BY-NC-4\.0, which does not permit every use"
    ) as caught:
        family_entry(model)
    assert "LOADSCOPE_LICENCES='CC-BY-NC-4.0'" in caught.value.fix
    monkeypatch.setenv("LOADSCOPE_LICENCES", "CC-BY-NC-4.0")
    assert family_entry(model).licence == "CC-BY-NC-4.0"


def test_a_run_keeps_the_entry_of_a_familys_model():
    catalogue = Catalogue.load()
    kept = catalogue.manifest_of("timm/resnet18")
    assert kept is not None
    assert list(kept["models"]) == ["timm/resnet18"]
    assert catalogue.manifest_of("resnet50") is None


def test_the_curated_models_are_listed_as_their_entries_say():
    catalogue = Catalogue.load()
    for model in built_in():
        entry = catalogue.get(model.id).model_dump(mode="json", exclude_none=True)
        assert of_entry(model.id, entry) == model
    assert {one.id: one.parameters for one in built_in()}["resnet50"] == 25_557_032


def test_filters_narrow_what_is_listed():
    everything = list(listed(built_in()))

    def ids(**wanted):
        return [one.model.id for one in everything if Filter(**wanted).takes(one)]

    assert all(name.startswith("keras/") for name in ids(family="keras"))
    assert set(ids(framework="mxnet")) >= {"mxnet/resnet18_v1.imagenet", "resnet50-seeded"}
    small = ids(family="timm", max_parameters=1_000_000)
    counts = {one.model.id: one.model.parameters or 0 for one in everything}
    assert small and all(0 < counts[name] <= 1_000_000 for name in small)
    assert ids(text="timm/resnet18.*") == ids(text="/ResNet18.", family="timm")
    assert "question-answering" in {
        one.model.task for one in everything if one.model.id in ids(task="question-answering")
    }
    forbidden = ids(licence="cc-by-nc-4.0")
    assert forbidden and not set(forbidden) & set(ids())


def test_a_state_is_never_more_than_what_ran(monkeypatch):
    rows = [{"model": "timm/resnet18.a1_in1k", "accuracy": "", "failure": ""},
            {"model": "resnet50", "accuracy": "top-1 76.4", "failure": ""},
            {"model": "resnet50", "accuracy": "", "failure": ""},
            {"model": "keras/MobileNet", "accuracy": "", "failure": "not installed"},
            {"model": "timm/resnet18", "accuracy": "", "failure": ""}]  # fmt: skip
    monkeypatch.setattr("loadscope.suite.models.listing.table", lambda name: rows)
    states = {one.model.id: one.state for one in listed(built_in())}
    assert states["timm/resnet18.a1_in1k"] == states["timm/resnet18"] == "runs here"
    assert states["resnet50"] == "accuracy measured"
    assert {state for name, state in states.items() if "resnet18" not in name} == {
        "described", "accuracy measured",
    }  # fmt: skip
    ran = [one for one in listed(built_in()) if Filter(state="runs here").takes(one)]
    assert len(ran) == 3


def test_what_ran_is_what_there_is_and_nothing_is_scored_that_is_not_whole():
    catalogue, sets = Catalogue.load(), catalog()
    rows = read_rows().values()
    for row in rows:
        entry = catalogue.get(row.model)
        assert row.framework in entry.artifacts
        assert (row.rate is None) == bool(row.failure)
        if row.accuracy:
            assert row.accuracy.endswith(f"all {sets[entry.dataset].samples:,} of {entry.dataset}")
    scored = {row.model for row in rows if row.accuracy}
    assert {one.model.id for one in listed(built_in()) if one.measured} == scored


def test_rows_of_the_sample_are_kept_and_the_page_is_made_of_them(tmp_path, monkeypatch):
    rows = {
        ("timm/resnet18", "pytorch"): Row("timm/resnet18", "pytorch", 11_689_512, 20.9, 69, "Conv"),
        ("fashion-cnn", "mxnet"): Row(
            "fashion-cnn", "mxnet", None, 1e3, 9, "Conv 50%", "top-1 92 %, all 10,000 of it"
        ),
        ("timm/resnet26", "pytorch"): Row("timm/resnet26", "pytorch", failure="no memory"),
        ("timm/none", "pytorch"): Row("timm/none", "pytorch", 1, 1.0),
    }
    asked = [*list(rows)[:3], ("timm/resnet10t", "pytorch")]
    write_rows(rows, asked, tmp_path / "measured.csv")
    text = (tmp_path / "measured.csv").read_text()
    found = list(csv.DictReader(line for line in text.splitlines() if line[0] != "#"))
    monkeypatch.setattr("loadscope.tools.generate.zoo.rows.table", lambda name: found)
    # What is not asked for any more goes.
    assert list(read_rows().items()) == list(rows.items())[:3]
    write_page(read_rows(), asked, tmp_path / "zoo.md")
    page = (tmp_path / "zoo.md").read_text()
    assert "2 of 4 models ran, 2 rows of 4; 1 rows are still to be run" in page
    assert "| timm/resnet18 | pytorch | 11.69 M | 20.9 | 69 | Conv |" in page
    assert "| fashion-cnn | mxnet | top-1 92 %, all 10,000 of it |" in page
    assert "- timm/resnet26, pytorch: no memory" in page


def test_the_sample_has_what_can_be_scored_whole_and_each_family(tmp_path):
    asked = pairs({})
    assert ("fashion-cnn", "onnxruntime") in asked
    assert not any(model == "efficientnet-lite0" for model, _ in asked)
    assert ("efficientnet-lite0", "pytorch") in pairs({"imagenet": tmp_path})
    exported = {model for model, framework in asked if framework == "onnxruntime"}
    assert len(exported) >= 40
    assert {model.partition("/")[0] for model, _ in asked if "/" in model} == set(families())
