"""What a manifest says of one model: the schema, and the checks that a schema cannot make."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from loadscope.datasets.catalog import catalog, catalog_of
from loadscope.datasets.declared import DeclaredModel
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.registry import metric_of, task
from loadscope.errors import InputError, LoadScopeError
from loadscope.misfits import Misfits
from loadscope.rundir.user_conf import ANY_MODEL
from loadscope.submission.rounds import load_round
from loadscope.suite.models.artifact_entry import Accuracy, ArtifactEntry
from loadscope.suite.models.exporters import exporter
from loadscope.suite.models.source import BuildSource
from loadscope.suite.models.task_settings import Postprocess, Preprocess, own_settings
from loadscope.suite.models.tensor_spec import Strict
from loadscope.sut.registry import BACKENDS, backend_info, frameworks, readable


def _known_task(name: str) -> str:
    try:
        task(name)
    except LoadScopeError as error:
        raise ValueError(f"{error.message}; {error.fix}") from error
    return name


class MlperfNames(Strict):
    """How MLPerf's four vocabularies call the benchmark that the model stands for.

    Attributes:
        submission: The folders of results in a submission.
        loadgen: LoadGen's model key in mlperf.conf and user.conf.
        compliance: The folder in the official compliance tests.
        rules: The name in the text of the rules.
        division: ``closed`` only for the round's own model.
    """

    submission: Annotated[tuple[str, ...], Field(min_length=1)]
    loadgen: str
    compliance: str
    rules: str
    division: Literal["closed", "open"]


@dataclass(frozen=True)
class ChosenArtifact:
    """A model's artifact for one framework, with everything that applies to it.

    Attributes:
        framework: The framework.
        key: The key under which the manifest has it.
        entry: The artifact; without the options of another framework where it is declared for one.
        preprocess: Its preprocessing.
        postprocess: Its post-processing.
        accuracy: What is known of its accuracy.
    """

    framework: str
    key: str
    entry: ArtifactEntry
    preprocess: Preprocess
    postprocess: Postprocess
    accuracy: Accuracy

    @property
    def has_file(self) -> bool:
        """Whether a file is loaded; a backend that answers nothing has one if it is its own."""
        return self.key == self.framework or backend_info(self.framework).answers


class ModelEntry(Strict):
    """A model.

    Attributes:
        title: Its name for people.
        task: The kind of task, which fixes what pre- and post-processing mean.
        licence: SPDX identifier of the weights' licence.
        mlperf: MLPerf's names; None for a model that stands for no benchmark, which is run by
            LoadGen's general settings and never submitted.
        dataset: The data set of the catalogue that it is scored on; empty for none of them.
        classes: How many classes it tells apart; 2 where a token has a start and an end score.
            None where its outputs say so, or where there are no classes.
        accuracy: What is known of its accuracy.
        preprocess: What is done to a sample.
        postprocess: How an answer is read from its outputs.
        artifacts: Its files, by the framework that each is declared for; any other that loads
            the format may take it too.
        stand_in: A model of the same speed that needs no download, empty for none.
        parameters: How many numbers its weights have, where that is known.
    """

    title: str
    task: Annotated[str, AfterValidator(_known_task)]
    licence: str
    mlperf: MlperfNames | None = None
    dataset: str = ""
    classes: PositiveInt | None = None
    accuracy: Accuracy = Accuracy()
    preprocess: Preprocess
    postprocess: Postprocess
    artifacts: Annotated[dict[str, ArtifactEntry], Field(min_length=1)]
    stand_in: str = ""
    parameters: PositiveInt | None = None

    @property
    def loadgen_model(self) -> str:
        """LoadGen's key of the model."""
        return self.mlperf.loadgen if self.mlperf else ANY_MODEL

    def artifact_for(self, framework: str) -> ChosenArtifact:
        """The artifact for a framework, with the model's settings where it has none of its own.

        It is the one that the manifest has for the framework, otherwise the first one of a format
        that the framework loads. A backend that answers nothing takes the tensors of the first.

        Raises:
            InputError: The model has none; the message lists the frameworks that it has.
        """
        key = framework
        if framework not in self.artifacts:
            backend = backend_info(framework)
            loadable = (
                name
                for name, artifact in self.artifacts.items()
                if artifact.format in backend.formats or not backend.answers
            )
            key = next(loadable, "")
        if not key:
            raise InputError(
                f"{self.title} has no artifact for '{framework}'",
                f"use one of: {', '.join(self.frameworks())}; or add one with --models FILE",
            )
        entry = self.artifacts[key]
        if key != framework:
            entry = entry.model_copy(update={"options": {}})
        return ChosenArtifact(
            framework,
            key,
            entry,
            entry.preprocess or self.preprocess,
            entry.postprocess or self.postprocess,
            entry.accuracy or self.accuracy,
        )

    def frameworks(self) -> dict[str, str]:
        """The frameworks that can run it, and the key of the artifact that each takes.

        Those that the manifest names come first.
        """
        found = {name: name for name in self.artifacts}
        for backend in readable():
            formats = {artifact.format for artifact in self.artifacts.values()}
            if backend.answers and formats.intersection(backend.formats):
                found.setdefault(backend.name, self.artifact_for(backend.name).key)
        return found

    def weights_source(self, framework: str) -> str:
        """Where the weights of a framework's artifact come from before anything is made of them."""
        first = self.makers(framework)[0]
        return first.base or first.source

    def lineage(self, framework: str) -> dict[str, Any]:
        """What became of those weights on the way to a framework's artifact, for ``run.json``.

        Returns:
            ``file``, the name of the file that they came in where the source does not have it;
            ``retrained``; ``steps``, a phrase for each thing that was done to them, in order; and
            ``quantized``, how they were calibrated, or None.
        """
        makers = self.makers(framework)
        steps: list[str] = []
        for entry in makers:
            source = entry.parsed_source()
            made = exporter(source.exporter).does if isinstance(source, BuildSource) else ""
            steps += filter(None, (entry.weights.changes, made))
        return {
            "file": makers[0].weights.file,
            "retrained": any(entry.weights.retrained for entry in makers),
            "steps": steps,
            "quantized": next(filter(None, (entry.weights.quantized for entry in makers)), None),
        }

    def makers(self, framework: str) -> list[ArtifactEntry]:
        """The artifacts that a framework's is made from, the first one first, and itself."""
        entries = [self.artifact_for(framework).entry]
        while (origin := entries[0].made_from) is not None:
            entries.insert(0, self.artifacts[origin])
        return entries

    def verified(self, framework: str) -> bool:
        """Whether the manifest has a checksum of every file behind a framework's artifact."""
        return all(
            checksum for maker in self.makers(framework) for _, checksum in maker.downloads()
        )

    @field_validator("artifacts")
    @classmethod
    def _settings_of_the_task(
        cls, artifacts: dict[str, ArtifactEntry], info: ValidationInfo
    ) -> dict[str, ArtifactEntry]:
        if "task" not in info.data:
            return artifacts
        given = {name: own for name, each in artifacts.items() if (own := each.own_settings())}
        own = own_settings(info.data["task"], given, info)
        return {
            name: each.model_copy(update=dict(own[name])) if name in own else each
            for name, each in artifacts.items()
        }

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        misfits = Misfits()
        # The data sets of further tasks are looked at only where this one's are not enough.
        own = not self.dataset or self.dataset in catalog_of(self.task)
        if not own and self.dataset not in catalog():
            known = ", ".join(catalog())
            misfits.add("dataset", f"unknown dataset '{self.dataset}'; known: {known}")
        metric = self._metric(misfits, "accuracy", self.accuracy)
        for framework, artifact in self.artifacts.items():
            self._check_artifact(misfits, framework, artifact, metric)
        misfits.refuse()
        return self

    def _declared(self, framework: str, metric: ScoreMetric | None) -> DeclaredModel:
        artifact, chosen = self.artifacts[framework], self.artifact_for(framework)
        declared = DeclaredModel(
            self.classes or 0,
            artifact.layout,
            artifact.sample_tensors(),
            artifact.tensors("outputs"),
            chosen.preprocess,
            chosen.postprocess,
            metric,
        )
        if self.classes is None:
            declared = replace(declared, classes=task(self.task).classes(declared))
        return declared

    def classes_for(self, framework: str) -> int:
        """How many classes its artifact for a framework tells apart; 0 where there are none."""
        if self.classes is not None:
            return self.classes
        return self._declared(self.artifact_for(framework).key, None).classes

    def _metric(self, misfits: Misfits, where: str, accuracy: Accuracy) -> ScoreMetric | None:
        """The metric; None where the task has none of that name."""
        try:
            metric = metric_of(task(self.task), accuracy.metric)
        except InputError as error:
            misfits.add(f"{where}.metric", error.message)
            return None
        if metric is None:
            return None
        if accuracy.published is not None and not metric.holds(accuracy.published):
            misfits.add(
                f"{where}.published",
                f"expected {metric.range_text} of {metric.name}",
                accuracy.published,
            )
        official = load_round().benchmarks.get(self.loadgen_model)
        closed = self.mlperf is not None and self.mlperf.division == "closed"
        if closed and official is not None and metric.name != official.accuracy_metric:
            misfits.add(
                f"{where}.metric",
                f"the closed division is scored by {official.accuracy_metric}; take that, or "
                "mlperf.division: open",
                accuracy.metric,
            )
        return metric

    def _check_artifact(
        self,
        misfits: Misfits,
        framework: str,
        artifact: ArtifactEntry,
        metric: ScoreMetric | None,
    ) -> None:
        where = f"artifacts.{framework}"
        backend = BACKENDS.get(framework)
        if backend is None:
            misfits.add(where, f"unknown framework; known: {', '.join(frameworks())}")
        elif artifact.format not in backend.formats:
            loaded = ", ".join(backend.formats)
            misfits.add(
                f"{where}.format", f"{backend.title} loads {loaded}, not '{artifact.format}'"
            )
        elif artifact.decoder is not None and backend.generates == bool(artifact.decoder.states):
            wanted = "no states, which it keeps to itself" if backend.generates else "states"
            misfits.add(f"{where}.decoder.states", f"{backend.title} needs {wanted}")
        origin = artifact.made_from
        if origin is not None:
            source = self.artifacts.get(origin)
            needed = exporter(artifact.source.removeprefix("build:")).origin
            if source is None or source.format != needed:
                misfits.add(f"{where}.from", f"the model has no {needed} for '{origin}'")
        if artifact.accuracy is not None:
            metric = self._metric(misfits, f"{where}.accuracy", artifact.accuracy)
        declared = self._declared(framework, metric)
        for misfit in task(self.task).check(declared):
            part = misfit.place.partition(".")[0]
            # An artifact has tensors of its own, and the model's settings where it has none.
            shared = part not in ArtifactEntry.model_fields or getattr(artifact, part) is None
            place = misfit.place if shared else f"{where}.{misfit.place}"
            misfits.add(place, misfit.reason, misfit.value)
