"""What one host computes for some samples: inputs, outputs, payloads, layers, weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.registry import task
from loadscope.datasets.task import Answer, Progress
from loadscope.errors import WorkError
from loadscope.rundir.record import ModelRecord
from loadscope.rundir.spec import make_spec
from loadscope.suite.golden.answerer import Answerer
from loadscope.suite.golden.digest import Digest, digest, sha256_swapped
from loadscope.suite.run.resolve import ResolvedRun, resolve
from loadscope.sut.layer_values import open_probe
from loadscope.tensors import Tensors

_THREADS = 1


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample on one host.

    Attributes:
        inputs: The model's inputs.
        outputs: Its outputs, batch axis of one; of a decoder the scores of each of its tokens.
        payload: The bytes that LoadGen would be handed, little-endian.
        layers: What each layer gave, in order; empty where the framework has no probe.
        swapped: The sha256 of each input with the bytes of its numbers reversed.
    """

    inputs: Sequence[Digest]
    outputs: Tensors
    payload: bytes
    layers: Sequence[Digest]
    swapped: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Observation:
    """All samples on one host.

    Attributes:
        meta: Model, data, framework, host and score, plain values.
        samples: The samples, from the data set's first on.
        weights: The weights; empty where the framework has no probe.
        swapped: The sha256 of each weight with the bytes of its numbers reversed.
    """

    meta: dict[str, Any]
    samples: Sequence[Sample]
    weights: Sequence[Digest]
    swapped: Sequence[str] = ()

    @property
    def model(self) -> ModelRecord:
        """The model as it ran; what another version recorded beside is left out."""
        known = {
            key: self.meta["model"][key]
            for key in ModelRecord.model_fields
            if key in self.meta["model"]
        }
        return ModelRecord.model_validate(known)


def prepare_observation(settings: dict[str, Any], progress: Progress) -> ResolvedRun:
    """Find model and data for an observation.

    Args:
        settings: ``model``, ``framework``, ``dataset_path``, ``count``, ``datasets`` and
            ``models`` as in a run.
        progress: Where progress goes.

    Raises:
        InputError: As in ``resolve``.
    """
    return resolve(make_spec({**settings, "scenario": "SingleStream"}, "command line"), progress)


def observe(resolved: ResolvedRun, progress: Progress, trusted: bool) -> Observation:
    """Run a model on the samples one by one, on one thread.

    Args:
        resolved: Model and data.
        progress: Where progress goes.
        trusted: Whether every sample must be answered. Outputs that are no answer (not finite,
            say) are otherwise what is looked for: the payload is then empty, the score null.

    Raises:
        InputError: The model or a package is unusable.
        WorkError: The samples cannot be read, or not be answered by a trusted host.
    """
    plan = resolved.plan
    kind = task(plan.task)
    artifact = plan.artifact
    library = kind.library(
        Path(plan.samples), plan.preprocess, artifact.sample_inputs, artifact.layout
    )
    postprocess = kind.postprocess(plan.postprocess, library, plan.answer_form)
    answerer = Answerer(plan, library, postprocess, _THREADS)
    # A decoder's layers differ from step to step.
    probe = None if artifact.decoder else open_probe(plan.framework, artifact, _THREADS)
    samples = []
    total = len(library)
    for index in range(total):
        progress(f"{resolved.spec.model} {plan.framework}: samples", index, total)
        library.load([index])
        batch = library.batch([index])
        outputs, payload_of = answerer.outputs(index)
        try:
            payload = payload_of()
        except WorkError:
            if trusted:
                raise
            payload = b""
        layers = probe.layers(batch) if probe else ()
        samples.append(
            Sample(
                [digest(name, value.dtype.name, value) for name, value in batch.items()],
                outputs,
                payload,
                [digest(layer.name, layer.type, layer.value) for layer in layers],
                [sha256_swapped(value) for value in batch.values()],
            )
        )
        library.unload([index])
    progress(f"{resolved.spec.model} {plan.framework}: samples", total, total)
    metric: dict[str, Any] = {"name": "", "unit": "", "value": None}
    if all(sample.payload for sample in samples) and not resolved.dataset.unscored:
        answers = [Answer(index, sample.payload) for index, sample in enumerate(samples)]
        score = resolved.dataset.score(answers, None)
        metric = {"name": score.metric.name, "unit": score.metric.unit, "value": score.value}
    weights = list(probe.weights()) if probe else []
    answerer.close()
    meta = {
        "model": resolved.model.model_dump(mode="json"),
        "framework": plan.framework,
        "data": resolved.data.model_dump(mode="json"),
        "host": resolved.host.model_dump(mode="json"),
        "versions": resolved.versions,
        "payload": kind.payload,
        "metric": metric,
    }
    return Observation(
        meta,
        samples,
        [digest(name, value.dtype.name, value) for name, value in weights],
        [sha256_swapped(value) for _, value in weights],
    )


def golden_record(seen: Observation) -> dict[str, Any]:
    """What a golden file is of, for ``loadscope golden --json``.

    ``model``, ``framework``, ``numerics``, ``accuracy`` and ``versions`` are as in
    ``loadscope run --json`` and ``run.json``; the value is null where the model's answers mean
    nothing.
    """
    model, metric = seen.meta["model"], seen.meta["metric"]
    meaningful = model["accuracy_meaningful"]
    return {
        "model": model["id"],
        "framework": seen.meta["framework"],
        "numerics": model["numerics"],
        "samples": len(seen.samples),
        "layers": len(seen.samples[0].layers),
        "weights": len(seen.weights),
        "accuracy": {
            "metric": metric["name"],
            "unit": metric["unit"],
            "value": metric["value"] if meaningful else None,
            "samples": len(seen.samples),
            "meaningful": meaningful,
        },
        "data": seen.meta["data"],
        "versions": seen.meta["versions"],
    }
