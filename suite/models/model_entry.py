"""What a manifest says of one model: the schema, and the checks that a schema cannot make."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, PositiveInt, model_validator

from loadscope.datasets.catalog import catalog
from loadscope.datasets.image_classification.classification import ArgmaxSpec, best_misfit
from loadscope.datasets.images.image_preprocess import Normaliser, PixelPreprocess
from loadscope.datasets.object_detection.detection_spec import BoxesSpec, HeadSpec
from loadscope.datasets.question_answering.squad_logits import SpanSpec
from loadscope.datasets.registry import TASKS, metric_of
from loadscope.errors import InputError
from loadscope.misfits import Misfits
from loadscope.submission.rounds import load_round
from loadscope.suite.models.artifact_entry import (
    Accuracy,
    ArtifactEntry,
    Postprocess,
    Preprocess,
    Strict,
)
from loadscope.suite.models.source import EXPORTERS, FROM_ONNX, BuildSource
from loadscope.sut.registry import BACKENDS, backend_info, frameworks, readable
from loadscope.tensors import ANY_SIZE


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
        entry: The artifact; without what was chosen for another framework where it is declared
            for one: options, and the batch and the threads that suit that one best.
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
        mlperf: MLPerf's names.
        dataset: The data set of the catalogue that it is scored on.
        classes: How many classes it tells apart; 2 where a token has a start and an end score.
        accuracy: What is known of its accuracy.
        preprocess: What is done to a sample.
        postprocess: How an answer is read from its outputs.
        artifacts: Its files, by the framework that each is declared for; any other that loads
            the format may take it too.
        stand_in: A model of the same speed that needs no download, empty for none.
    """

    title: str
    task: Literal["image-classification", "object-detection", "question-answering"]
    licence: str
    mlperf: MlperfNames
    dataset: str
    classes: PositiveInt
    accuracy: Accuracy
    preprocess: Preprocess
    postprocess: Postprocess
    artifacts: Annotated[dict[str, ArtifactEntry], Field(min_length=1)]
    stand_in: str = ""

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
            others: dict[str, Any] = {"options": {}, "best_batch": None, "best_threads": None}
            entry = entry.model_copy(update=others)
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
            ``retrained``; and ``steps``, a phrase for each thing that was done to them, in order.
        """
        makers = self.makers(framework)
        steps: list[str] = []
        for entry in makers:
            source = entry.parsed_source()
            made = EXPORTERS[source.exporter] if isinstance(source, BuildSource) else ""
            steps += filter(None, (entry.weights.changes, made))
        return {
            "file": makers[0].weights.file,
            "retrained": any(entry.weights.retrained for entry in makers),
            "steps": steps,
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

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        misfits = Misfits()
        if self.dataset not in catalog():
            known = ", ".join(catalog())
            misfits.add("dataset", f"unknown dataset '{self.dataset}'; known: {known}")
        metric = self._metric(misfits, "accuracy", self.accuracy)
        for framework, artifact in self.artifacts.items():
            self._check_artifact(misfits, framework, artifact, metric)
        misfits.refuse()
        return self

    def _metric(self, misfits: Misfits, where: str, accuracy: Accuracy) -> str:
        """The metric's own name; empty where it is none."""
        try:
            metric = metric_of(TASKS[self.task], accuracy.metric)
        except InputError as error:
            misfits.add(f"{where}.metric", error.message)
            return ""
        official = load_round().benchmarks.get(self.mlperf.loadgen)
        closed = self.mlperf.division == "closed"
        if closed and official is not None and metric != official.accuracy_metric:
            misfits.add(
                f"{where}.metric",
                f"the closed division is scored by {official.accuracy_metric}; take that, or "
                "mlperf.division: open",
                accuracy.metric,
            )
        return metric

    def _check_artifact(
        self, misfits: Misfits, framework: str, artifact: ArtifactEntry, metric: str
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
        origin = artifact.made_from
        if origin is not None:
            source = self.artifacts.get(origin)
            exporter = artifact.source.removeprefix("build:")
            needed = "onnx" if exporter in FROM_ONNX else "state-dict"
            if source is None or source.format != needed:
                misfits.add(f"{where}.from", f"the model has no {needed} for '{origin}'")
        if artifact.accuracy is not None:
            metric = self._metric(misfits, f"{where}.accuracy", artifact.accuracy)
        chosen = self.artifact_for(framework)
        fits = True
        for part, kind in (
            ("preprocess", TASKS[self.task].preprocess_type),
            ("postprocess", TASKS[self.task].postprocess_type),
        ):
            if not isinstance(getattr(chosen, part), kind):
                own = getattr(artifact, part) is not None
                misfits.add(f"{where}.{part}" if own else part, f"is not that of task {self.task}")
                fits = False
        if not fits:
            return
        if isinstance(chosen.postprocess, SpanSpec):
            _check_spans(misfits, where, chosen, chosen.postprocess, self.classes)
            return
        _check_image(misfits, where, chosen)
        if isinstance(chosen.postprocess, HeadSpec | BoxesSpec):
            shapes = {name: tensor.shape for name, tensor in artifact.outputs.items()}
            misfit = chosen.postprocess.misfit(shapes, self.classes, chosen.preprocess.size)
            if misfit:
                misfits.add(f"{where}.outputs", misfit)
            return
        _check_answer(misfits, where, chosen, chosen.postprocess, self.classes)
        misfit = best_misfit(chosen.postprocess, metric, self.classes) if metric else ""
        if misfit:
            misfits.add(f"{where}.postprocess" if artifact.postprocess else "postprocess", misfit)


def _check_spans(
    misfits: Misfits, where: str, chosen: ChosenArtifact, spec: SpanSpec, classes: int
) -> None:
    """Check that texts go in, and that a start and an end score for each token come out."""
    window, entry = chosen.preprocess.size, chosen.entry
    if classes != 2:
        misfits.add("classes", "a token has 2 scores, for a start and for an end", classes)
    lengths = {spec.shape for spec in entry.inputs.values()}
    if len(lengths) != 1 or lengths.isdisjoint({(ANY_SIZE,), (window,)}):
        misfits.add(
            f"{where}.inputs",
            f"must all have the shape [{ANY_SIZE}] or [{window}], the window of preprocess",
        )
        return
    ((length,),) = lengths
    expected = (length, 2) if len(spec.outputs) == 1 else (length,)
    for name in spec.outputs:
        output = entry.outputs.get(name)
        if output is None:
            _add_unread(misfits, where, chosen, name)
        elif output.shape != expected:
            misfits.add(
                f"{where}.outputs.{name}",
                f"shape must be {list(expected)}, as the inputs' is [{length}]",
            )


def _check_image(misfits: Misfits, where: str, chosen: ChosenArtifact) -> None:
    size = chosen.preprocess.size
    shapes = {"NCHW": (3, size, size), "NHWC": (size, size, 3)}
    if chosen.entry.layout not in shapes:
        misfits.add(f"{where}.layout", f"an image needs {' or '.join(shapes)}")
        return
    expected = shapes[chosen.entry.layout]
    shown = {name: spec.shape for name, spec in chosen.entry.inputs.items()}
    if list(shown.values()) != [expected]:
        misfits.add(
            f"{where}.inputs",
            f"must be one image of shape {list(expected)}, as layout and preprocess.size say, "
            f"not { ({name: list(shape) for name, shape in shown.items()}) }",
        )
        return
    ((name, tensor),) = chosen.entry.inputs.items()
    try:
        Normaliser(cast(PixelPreprocess, chosen.preprocess), chosen.entry.layout, tensor.dtype)
    except ValueError as error:
        misfits.add(f"{where}.inputs.{name}", str(error))


def _check_answer(
    misfits: Misfits, where: str, chosen: ChosenArtifact, spec: ArgmaxSpec, classes: int
) -> None:
    output = chosen.entry.outputs.get(spec.output)
    if output is None:
        _add_unread(misfits, where, chosen, spec.output)
        return
    width = classes + spec.offset
    sizes = list(output.shape)
    # Ones at the end are what a network leaves that ends in a convolution: (1000, 1, 1).
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes.pop()
    if spec.kind == "argmax" and sizes[-1:] != [width]:
        misfits.add(
            f"{where}.outputs.{spec.output}",
            f"shape {list(output.shape)} does not end in {width}, the number of classes",
        )


def _add_unread(misfits: Misfits, where: str, chosen: ChosenArtifact, name: str) -> None:
    misfits.add(
        f"{where}.outputs",
        f"postprocess reads '{name}', which is not among the outputs: "
        f"{', '.join(chosen.entry.outputs)}",
    )
