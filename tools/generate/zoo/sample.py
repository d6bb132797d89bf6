"""``make zoo``: a fixed sample of all families, run and traced here, and the page of it."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import loadscope
from loadscope.errors import InputError, LoadScopeError
from loadscope.files import replacing, write_json
from loadscope.suite.library.measure import run, trace
from loadscope.suite.models.manifest import family_entry
from loadscope.suite.models.zoo.registry import families, family
from loadscope.sut.registry import BACKENDS
from loadscope.tools.generate.zoo.tables import write_table

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
# The framework that a family is at home in first, so that every model has a row early.
_FRAMEWORKS = ("pytorch", "tensorflow", "mxnet", "onnxruntime")
# By task: a data set that the package has.
_DATA = {"image-classification": "imagenet-sample20", "question-answering": "squad-sample"}


@dataclass(frozen=True)
class Row:
    """What became of a model in one framework.

    Attributes:
        model: Its id.
        framework: The framework.
        parameters: How many numbers its weights have.
        rate: Samples a second in Offline, None where it did not run.
        layers: How many layers the trace told.
        slowest: The kind of layer that took most of the time, and its share of the layers' time.
        failure: Why it did not run; empty where it did.
    """

    model: str
    framework: str
    parameters: int | None = None
    rate: float | None = None
    layers: int = 0
    slowest: str = ""
    failure: str = ""


def pairs() -> list[tuple[str, str]]:
    """The models of the sample, natively and on ONNX Runtime, in the order of their turn."""
    models = [f"{name}/{own}" for name, names in SAMPLE.items() for own in names.split()]
    known = {model: family_entry(model).artifacts for model in models}
    return [
        (model, framework)
        for group in (_FRAMEWORKS[:-1], _FRAMEWORKS[-1:])
        for model in models
        for framework in group
        if framework in known[model]
    ]


def measure(model: str, framework: str, folder: Path) -> Row:
    """Run and trace a model, keeping what became of it in a file; a row that is there is kept.

    Args:
        model: Its id.
        framework: The framework.
        folder: Where run directories and rows go.
    """
    name = f"{model.replace('/', '-')}-{framework}"
    kept = folder / f"{name}.json"
    if kept.is_file():
        row = Row(**json.loads(kept.read_text(encoding="utf-8")))
        if not row.failure:
            return row
    try:
        row = _measured(model, framework, folder, name)
    except LoadScopeError as error:
        row = Row(model, framework, failure=error.message)
    write_json(kept, asdict(row))
    return row


def _measured(model: str, framework: str, folder: Path, name: str) -> Row:
    if not BACKENDS[framework].installed():
        return Row(model, framework, failure=f"{framework} is not installed")
    entry = family_entry(model)
    what: dict[str, Any] = {
        "model": model,
        "framework": framework,
        "scenario": "Offline",
        "dataset": _DATA[entry.task],
    }
    measured = run(
        **what,
        mode=("performance",),
        min_duration="2s",
        # A search would take ten times as long as the run.
        layout_seconds=0,
        output=_free(folder, f"{name}-run"),
    )
    if measured.metric is None or not measured.valid:
        return Row(model, framework, entry.parameters, failure=measured.reason or "no result")
    ran = Row(model, framework, entry.parameters, measured.metric.value)
    try:
        traced = trace(**what, batches=1, warmup=1, output=_free(folder, f"{name}-trace"))
    except InputError as error:
        # Not every format shows its layers.
        return replace(ran, slowest=error.message)
    layers = traced.layer_rows()
    times: dict[str, float] = {}
    for layer in layers:
        times[layer["type"]] = times.get(layer["type"], 0) + layer["own_ns"]
    slowest = max(times, key=lambda kind: times[kind])
    share = times[slowest] / sum(times.values())
    return replace(ran, layers=len(layers), slowest=f"{slowest} {share:.0%}")


def _free(folder: Path, name: str) -> Path:
    """A run directory that is not there yet: one that broke off stays to be looked at."""
    found = (folder / f"{name}{'' if number == 0 else f'-{number}'}" for number in range(1000))
    return next(path for path in found if not path.exists())


def write_page(rows: list[Row], page: Path, measured: Path) -> None:
    """Write ``docs/zoo.md`` and the table of what ran.

    Args:
        rows: What became of the sample.
        page: The page.
        measured: The table that ``loadscope models`` takes states from.
    """
    ran = [row for row in rows if row.rate is not None]
    models, asked = sorted({row.model for row in ran}), pairs()
    text = [
        "# Models of families: what is described, and what ran here",
        "",
        "`make zoo` wrote this page; do not edit it. A family describes models by a rule and a",
        "table; see [models of families](families.md). 'Described' claims no more than what the",
        "table says. A model that 'runs here' was exported or loaded, measured in Offline for 2 s",
        "and traced once, on the machine that made this page. Its weights are seeded, so it has no",
        "accuracy. The rates are of a shared machine without a quiet host's checks: no results.",
        "",
        f"LoadScope {loadscope.__version__}; {len(models)} of the sample's "
        f"{len({model for model, _ in asked})} models ran, {len(ran)} rows of {len(asked)}; "
        f"{len(asked) - len(rows)} rows are still to be run.",
        "",
        "| family | described | licence permits any use | of these run here |",
        "|---|---:|---:|---:|",
    ]
    for name in families():
        own = family(name).described().values()
        free = sum(one.permissive for one in own)
        ours = sum(model.startswith(f"{name}/") for model in models)
        text.append(f"| {name} | {len(own):,} | {free:,} | {ours} |")
    text += [
        "",
        "| model | framework | parameters | samples/s | layers | most of the time |",
        "|---|---|---:|---:|---:|---|",
    ]
    text += [
        f"| {row.model} | {row.framework} | {(row.parameters or 0) / 1e6:.2f} M | "
        f"{row.rate:.4g} | {row.layers} | {row.slowest} |"
        for row in ran
    ]
    failed = [row for row in rows if row.failure]
    if failed:
        text += ["", "Did not run here:", ""]
        text += [f"- {row.model}, {row.framework}: {row.failure}" for row in failed]
    with replacing(page) as temporary:
        temporary.write_text("\n".join([*text, ""]), encoding="utf-8")
    if ran:
        notes = ["What LoadScope's own sample of the families ran. Made by: make zoo"]
        listed = [
            {
                "model": model,
                "frameworks": " ".join(row.framework for row in ran if row.model == model),
                "accuracy": "",
            }
            for model in models
        ]
        write_table(measured, notes, listed)
