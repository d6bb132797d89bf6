"""The task of telling what class a text is of."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.classes.classification import ArgmaxSpec
from loadscope.datasets.classes.classification import postprocess as class_postprocess
from loadscope.datasets.declared import (
    Asked,
    DeclaredModel,
    Draft,
    FileModel,
    Misfit,
    ModelInput,
    NeededFile,
)
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Ask, Part, top_bars
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.datasets.text_classification.sentence_spec import SentenceSpec
from loadscope.datasets.text_classification.text_score import ACCURACY, F1
from loadscope.datasets.texts.token_library import TokenLibrary
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

if TYPE_CHECKING:
    from loadscope.datasets.text_classification.sentences import Sentences


class TextClassification(Task):
    """Tables of sentences, accuracy and F1."""

    name = "text-classification"
    title = "Text classification (accuracy, F1)"
    metrics: tuple[ScoreMetric, ...] = (ACCURACY, F1)
    preprocess_type: type[Any] = SentenceSpec
    postprocess_type: Any = ArgmaxSpec
    inputs = "texts"
    asks = (Ask("text", "Text", "passage"),)
    payload: Literal["classes", "numbers"] = "classes"
    packages = ("tokenizers",)
    install = "pip install 'loadscope[squad]'"
    form_types = (Manifest,)
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> "Sentences":
        """See ``Sentences.read``."""
        # The tokenizer's library is for preparing, not for the measured process.
        from loadscope.datasets.text_classification.sentences import Sentences

        if not isinstance(preprocess, SentenceSpec):
            raise TypeError(f"{self.name} needs a SentenceSpec, not {type(preprocess).__name__}")
        return Sentences.read(path, limit, classes, preprocess, metric or ACCURACY.name, form)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: SentenceSpec,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``token_cache_build.prepare_tokens``."""
        from loadscope.datasets.texts.token_cache_build import prepare_tokens

        return prepare_tokens(self._own(dataset), cache_root, progress)

    def library(
        self,
        prepared: Path,
        preprocess: SentenceSpec,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> TokenLibrary:
        """See ``TokenLibrary``; tokens are small as they are."""
        return TokenLibrary(prepared, preprocess, inputs)

    def postprocess(
        self, spec: ArgmaxSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``classification.postprocess``: one class a text, ``<f4``."""
        return class_postprocess(spec)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why texts do not go in, or no class comes out."""
        window: int = entry.preprocess.window
        lengths = {tuple(tensor.shape) for tensor in entry.inputs}
        if len(lengths) != 1 or lengths.isdisjoint({(ANY_SIZE,), (window,)}):
            yield Misfit(
                "inputs",
                f"must all have the shape [{ANY_SIZE}] or [{window}], the window of preprocess",
            )
        spec: ArgmaxSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None:
            yield entry.unread(spec.output)
        elif not entry.classes:
            yield Misfit("classes", "is missing; the outputs do not tell the number of classes")
        elif spec.kind == "argmax" and tuple(output.shape) != (entry.classes + spec.offset,):
            yield Misfit(
                f"outputs.{spec.output}",
                f"shape {list(output.shape)} is not [{entry.classes + spec.offset}], a score a "
                "class",
            )

    def classes(self, entry: DeclaredModel) -> int:
        """As many as there are scores."""
        spec: ArgmaxSpec = entry.postprocess
        output = entry.output(spec.output)
        if output is None or spec.kind != "argmax" or len(output.shape) != 1:
            return 0
        return max(0, output.shape[0] - spec.offset)

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """Rows of token ids in, and a few scores of the whole text out."""
        lengths = {tuple(one.shape) for one in model.inputs}
        whole = all(one.dtype in ("int32", "int64") for one in model.inputs)
        if len(lengths) != 1 or not whole or not any("ids" in one.name for one in model.inputs):
            return None
        (length,) = lengths
        scores = [one for one in model.outputs if len(one.shape) == 1 and one.shape != length]
        if len(length) != 1 or len(model.outputs) != 1 or not scores or scores[0].shape[0] < 2:
            return None
        if not isinstance(preprocess, Mapping):
            raise InputError(
                "the file looks like text classification, which needs its vocabulary",
                "give --preprocess FILE, a YAML file with tokenizer: wordpiece-uncased and "
                "vocabulary: file:vocab.txt; or measure it without: --task tensors "
                "--random-inputs",
            )
        window = {} if length[0] == ANY_SIZE else {"window": length[0]}
        return Draft(
            preprocess={**window, **preprocess},
            postprocess={"kind": "argmax", "output": scores[0].name},
            outputs=[scores[0].name],
        )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Give the text, and the class that it was taken for."""
        if len(answer) != 4:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        number = np.frombuffer(answer, "<f4")[0]
        return Shown(self._own(sample.dataset).texts[sample.index], f"class {number:g}")

    def explain(
        self,
        dataset: Dataset,
        answers: Sequence[bytes],
        outputs: Sequence[Tensors],
        spec: ArgmaxSpec,
    ) -> tuple[Part, ...]:
        """The best classes with their shares; the class alone where there are no scores."""
        if spec.kind != "argmax":
            return super().explain(dataset, answers, outputs, spec)
        return (top_bars(outputs[0][spec.output][0], (), spec.offset),)

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a table of one row."""
        # A label is asked for by the form; nothing is scored by it.
        row = {"text": given["text"].strip(), "label": 0}
        (folder / "sample.jsonl").write_text(f"{json.dumps(row)}\n", encoding="utf-8")
        return folder / "sample.jsonl"

    def files(self, preprocess: SentenceSpec) -> Sequence[NeededFile]:
        """The vocabulary."""
        return (
            NeededFile("vocabulary", preprocess.vocabulary, preprocess.sha256, "file", "sha256"),
        )

    def _own(self, dataset: Dataset) -> "Sentences":
        from loadscope.datasets.text_classification.sentences import Sentences

        if not isinstance(dataset, Sentences):
            raise TypeError(f"{self.name} reads Sentences, not {type(dataset).__name__}")
        return dataset
