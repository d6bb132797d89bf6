"""``make zoo``: a fixed sample of all families, and what can be scored whole, run and traced."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadscope.datasets.catalog import catalog
from loadscope.errors import InputError, LoadScopeError
from loadscope.suite.library.measure import run, trace
from loadscope.suite.library.run import Run
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.sut.registry import BACKENDS
from loadscope.tools.generate.zoo.rows import Row

_TIMM = (
    "resnet18 resnet10t resnet26 mobilenetv3_small_050 mobilenetv3_small_100 mobilenetv2_100 "
    "lcnet_050 tinynet_e tf_efficientnet_lite0 efficientnet_b0 mnasnet_small semnasnet_075 "
    "regnetx_002 regnety_002 ghostnet_100 repvgg_a0 dla46_c vit_tiny_patch16_224 "
    "deit_tiny_patch16_224 convnext_atto edgenext_xx_small fasternet_t0 efficientvit_b0 pvt_v2_b0"
)
_TORCHVISION = (
    "alexnet mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 squeezenet1_1 mnasnet0_5 resnet18 "
    "efficientnet_b0 regnet_y_400mf"
)
_KERAS = "MobileNet MobileNetV2 MobileNetV3Small EfficientNetB0 NASNetMobile"
_MXNET = "squeezenet1.1 mobilenet0.25 mobilenet0.5 mobilenetv2_0.25 resnet18_v1 resnet18_v2"
_TRANSFORMERS = (
    "ViTForImageClassification.tiny DeiTForImageClassification.tiny "
    "MobileNetV1ForImageClassification MobileNetV2ForImageClassification "
    "MobileViTForImageClassification SegformerForImageClassification "
    "BertForQuestionAnswering.tiny ElectraForQuestionAnswering.tiny"
)
_ONNX_ZOO = "squeezenet1.1-7 mobilenetv2-7"
SAMPLE = {
    "mxnet": _MXNET,
    "keras": _KERAS,
    "transformers": _TRANSFORMERS,
    "torchvision": _TORCHVISION,
    "timm": _TIMM,
    # Without a network they cannot be had.
    "onnx-zoo": _ONNX_ZOO,
}
"""Names of each family, with spaces between them: small ones, seeded where a family can."""
_CONVERTED = (
    "torchvision/resnet18 "
    "timm/mobilenetv2_100 timm/mobilenetv3_small_050 timm/lcnet_050 timm/tinynet_e "
    "timm/mnasnet_small timm/tf_efficientnet_lite0"
)
"""Of each kind of network that is converted for further frameworks, one."""
# By task: a data set that the package has.
_DATA = {"image-classification": "imagenet-sample20", "question-answering": "squad-sample"}


def pairs(folders: Mapping[str, Path]) -> list[tuple[str, str]]:
    """What is to be run, in the order of its turn.

    First the curated models whose data set can be had whole, which are scored; then the models of
    the sample, natively and on ONNX Runtime; and those that are converted.

    Args:
        folders: Where data sets are that nothing fetches, by their ids.
    """
    catalogue = Catalogue.load()
    sample = [f"{name}/{own}" for name, names in SAMPLE.items() for own in names.split()]
    scored = [name for name, entry in catalogue.models.items() if _whole(entry, folders)]
    known = {model: catalogue.get(model).artifacts for model in (*scored, *sample)}
    found = [(model, name) for model in scored for name in BACKENDS if name in known[model]]
    native = [(model, next(iter(known[model]))) for model in sample]
    exported = [(model, "onnxruntime") for model in sample if "onnxruntime" in known[model]]
    converted = [(model, name) for model in _CONVERTED.split() for name in ("tensorflow", "mxnet")]
    # A model that is ONNX itself is at home there.
    return list(dict.fromkeys([*found, *native, *exported, *converted]))


def measure(model: str, framework: str, folder: Path, folders: Mapping[str, Path]) -> Row:
    """Run and trace a model, and score it where its data set can be had whole.

    Args:
        model: Its id.
        framework: The framework.
        folder: Where run directories go.
        folders: As of ``pairs``.
    """
    if not BACKENDS[framework].installed():
        return Row(model, framework, failure=f"{framework} is not installed")
    entry = Catalogue.load().get(model)
    whole = _whole(entry, folders)
    name = f"{model.replace('/', '-')}-{framework}"
    what: dict[str, Any] = {
        "model": model,
        "framework": framework,
        "scenario": "Offline",
        "dataset": _named(entry.dataset, folders) if whole else _DATA[entry.task],
    }
    try:
        measured = run(
            **what,
            mode=("performance", "accuracy") if whole else ("performance",),
            min_duration="2s",
            # A search would take ten times as long as the run.
            layout_seconds=0,
            output=_free(folder, f"{name}-run"),
        )
    except LoadScopeError as error:
        return Row(model, framework, failure=error.message)
    if measured.metric is None or not measured.valid:
        return Row(model, framework, entry.parameters, failure=measured.reason or "no result")
    ran = Row(
        model,
        framework,
        entry.parameters,
        measured.metric.value,
        accuracy=_score(measured, entry.dataset) if whole else "",
    )
    try:
        traced = trace(**what, batches=1, warmup=1, output=_free(folder, f"{name}-trace"))
    except InputError as error:
        # Not every format shows its layers.
        return replace(ran, slowest=error.message)
    except LoadScopeError as error:
        return Row(model, framework, entry.parameters, failure=error.message)
    layers = traced.layer_rows()
    times: dict[str, float] = {}
    for layer in layers:
        times[layer["type"]] = times.get(layer["type"], 0) + layer["own_ns"]
    slowest = max(times, key=lambda kind: times[kind])
    share = times[slowest] / sum(times.values())
    return replace(ran, layers=len(layers), slowest=f"{slowest} {share:.0%}")


def _whole(entry: ModelEntry, folders: Mapping[str, Path]) -> bool:
    """Whether a model can be scored on the whole of the data set that its accuracy is of."""
    data = catalog().get(entry.dataset)
    if data is None or entry.accuracy.published is None or not entry.accuracy.meaningful:
        return False
    return entry.dataset in folders or (data.source is not None and data.shipped() is None)


def _named(dataset: str, folders: Mapping[str, Path]) -> str:
    return f"{dataset}={folders[dataset]}" if dataset in folders else dataset


def _score(measured: Run, dataset: str) -> str:
    """The score and what it is of; empty where it is not of all that the data set has."""
    score, samples = measured.accuracy, catalog()[dataset].samples
    if score is None or score.value is None or score.samples != samples:
        return ""
    return f"{score.metric} {score.value:.2f} {score.unit}, all {samples:,} of {dataset}"


def _free(folder: Path, name: str) -> Path:
    """A run directory that is not there yet: one that broke off stays to be looked at."""
    found = (folder / f"{name}{'' if number == 0 else f'-{number}'}" for number in range(1000))
    return next(path for path in found if not path.exists())
