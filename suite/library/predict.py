"""``loadscope.predict``: one answer of a model to one sample; never a measurement."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.rundir.spec import RunSpec, make_spec
from loadscope.scratch import scratch
from loadscope.suite.run.one_sample import place_played, prepare_given, require_given
from loadscope.suite.run.warm_model import Predicted, WarmModel

NOT_A_BENCHMARK = "not a benchmark: one sample, outside of LoadGen"


@dataclass(frozen=True)
class Prediction:
    """A model's answer to a sample.

    Attributes:
        model, framework: What answered.
        load_seconds: How long importing the framework and loading the model took.
        predicted: The answer, its times and layers.
        lines: How a model's file was understood.
    """

    model: str
    framework: str
    load_seconds: float
    predicted: Predicted
    lines: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain data, without the input's numbers."""
        told = self.predicted.model_dump(mode="json", exclude={"input": {"data"}})
        return {
            "model": self.model,
            "framework": self.framework,
            "not_a_benchmark": True,
            "load_ms": 1e3 * self.load_seconds,
            **told,
        }


def predict(
    model: str,
    framework: str,
    *,
    repeats: int = 10,
    layers: bool = False,
    progress: Progress = lambda *_: None,
    settings: dict[str, Any] | None = None,
    **given: str | Path,
) -> Prediction:
    """Have a model answer one sample of yours, in a fresh process.

    Args:
        model: A model's id, or its file.
        framework: The backend's name.
        repeats: Of how many predicts the median is taken, after the first.
        layers: Whether one more predict is traced.
        progress: Told of downloads and builds.
        settings: Further fields of a ``RunSpec``: ``device``, ``options``, ``threads``, ``models``.
        given: The sample, by what its task asks: ``image="cat.jpg"``, or ``question`` and
            ``passage``.

    Raises:
        InputError: Something named is unknown or missing, or the sample is unusable.
        WorkError: A download failed, or the framework did.
    """
    spec = played_spec(model, framework, settings or {})
    played = place_played(spec, progress)
    texts = {name: str(value) for name, value in given.items()}
    require_given(played.entry.task, texts)
    with scratch("predict") as folder:
        data, samples = prepare_given(played, framework, texts, folder)
        warm = WarmModel(played.plan, folder / "model")
        try:
            classes = played.entry.classes_for(framework)
            found = warm.predict(data, samples, classes, repeats, layers)
            return Prediction(spec.model, framework, warm.load_seconds, found, played.lines)
        finally:
            warm.close()


def played_spec(model: str, framework: str, settings: dict[str, Any]) -> RunSpec:
    """The spec of a model that is tried.

    Raises:
        InputError: A setting is unknown or bad.
    """
    values = {**settings, "model": model, "framework": framework, "scenario": "SingleStream"}
    return make_spec(values, "loadscope.predict")
