"""The task of answering questions on a passage, with a part of the passage."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadscope.datasets.adapters.manifest import Manifest
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
from loadscope.datasets.playing import Ask, Marked, Part, Plain
from loadscope.datasets.question_answering.squad_logits import F1, SpanSpec
from loadscope.datasets.question_answering.squad_logits import postprocess as span_postprocess
from loadscope.datasets.question_answering.wordpiece_spec import LONGEST_WINDOW, WordPieceSpec
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
from loadscope.datasets.texts.token_library import TokenLibrary
from loadscope.errors import InputError
from loadscope.tensors import ANY_SIZE, Tensors


class QuestionAnswering(Task):
    """SQuAD v1.1-like data sets, F1."""

    name = "question-answering"
    title = "Question answering (F1)"
    metrics: tuple[ScoreMetric, ...] = (F1,)
    preprocess_type: type[Any] = WordPieceSpec
    postprocess_type: Any = SpanSpec
    inputs = "texts"
    asks = (Ask("question", "Question", "text"), Ask("passage", "Passage", "passage"))
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
    ) -> Dataset:
        """See ``Squad.read``."""
        # The tokenizer's library is for preparing and scoring, not for the measured process.
        from loadscope.datasets.question_answering.squad import Squad

        if not isinstance(preprocess, WordPieceSpec):
            raise TypeError(f"{self.name} needs a WordPieceSpec, not {type(preprocess).__name__}")
        return Squad.read(path, limit, preprocess, form)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: WordPieceSpec,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``token_cache_build.prepare_tokens``."""
        from loadscope.datasets.question_answering.squad import Squad
        from loadscope.datasets.texts.token_cache_build import prepare_tokens

        if not isinstance(dataset, Squad):
            raise TypeError(f"{self.name} reads Squad, not {type(dataset).__name__}")
        return prepare_tokens(dataset, cache_root, progress)

    def library(
        self,
        prepared: Path,
        preprocess: WordPieceSpec,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> TokenLibrary:
        """See ``TokenLibrary``; tokens are small as they are."""
        return TokenLibrary(prepared, preprocess, inputs)

    def postprocess(
        self, spec: SpanSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``squad_logits.postprocess``."""
        return span_postprocess(spec)

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why texts do not go in, or start and end scores of tokens do not come out."""
        window: int = entry.preprocess.window
        if entry.classes != 2:
            yield Misfit(
                "classes", "a token has 2 scores, for a start and for an end", entry.classes
            )
        lengths = {tuple(tensor.shape) for tensor in entry.inputs}
        if len(lengths) != 1 or lengths.isdisjoint({(ANY_SIZE,), (window,)}):
            yield Misfit(
                "inputs",
                f"must all have the shape [{ANY_SIZE}] or [{window}], the window of preprocess",
            )
            return
        ((length,),) = lengths
        names = entry.postprocess.outputs
        expected = (length, 2) if len(names) == 1 else (length,)
        for name in names:
            output = entry.output(name)
            if output is None:
                yield entry.unread(name)
            elif tuple(output.shape) != expected:
                yield Misfit(
                    f"outputs.{name}",
                    f"shape must be {list(expected)}, as the inputs' is [{length}]",
                )

    def classes(self, entry: DeclaredModel) -> int:
        """A start and an end score for each token."""
        return 2

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """Rows of token ids in, and a start and an end score of each token out."""
        lengths = {tuple(one.shape) for one in model.inputs}
        whole = all(one.dtype in ("int32", "int64") for one in model.inputs)
        if len(lengths) != 1 or not whole or not any("ids" in one.name for one in model.inputs):
            return None
        (length,) = lengths
        single = [one.name for one in model.outputs if tuple(one.shape) == (*length, 2)]
        pair = [one.name for one in model.outputs if tuple(one.shape) == length]
        outputs = single[:1] or pair
        if len(length) != 1 or len(outputs) not in (1, 2) or outputs == pair[:1]:
            return None
        if not isinstance(preprocess, Mapping):
            raise InputError(
                "the file looks like question answering, which needs its vocabulary",
                "give --preprocess FILE, a YAML file with tokenizer: wordpiece-uncased and "
                "vocabulary: file:vocab.txt; or measure it without: --task tensors "
                f"--random-inputs --shape {model.inputs[0].name}=1,{LONGEST_WINDOW}",
            )
        window = {} if length[0] == ANY_SIZE else {"window": length[0]}
        return Draft(
            preprocess={**window, **preprocess},
            postprocess={"kind": "spans", "outputs": outputs},
            outputs=outputs,
        )

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Give the question, and the part of the passage that answers it."""
        from loadscope.datasets.question_answering.squad import Squad

        dataset = sample.dataset
        if not isinstance(dataset, Squad):
            raise TypeError(f"{self.name} reads Squad, not {type(dataset).__name__}")
        return Shown(dataset.question(sample.index), dataset.answer(sample.index, answer))

    def explain(
        self,
        dataset: Dataset,
        answers: Sequence[bytes],
        outputs: Sequence[Tensors],
        spec: SpanSpec,
    ) -> tuple[Part, ...]:
        """The passage with the answer marked in it, which is the best of all its windows."""
        from loadscope.datasets.question_answering.squad import Squad

        if not isinstance(dataset, Squad):
            raise TypeError(f"{self.name} reads Squad, not {type(dataset).__name__}")
        said, text = dataset.said(answers), dataset.questions.contexts[0]
        start = text.find(said) if said else -1
        return (Marked(text, start, start + len(said) if start >= 0 else -1), Plain(said))

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a file in the form of SQuAD v1.1 with one question."""
        from loadscope.datasets.question_answering.squad import QUESTIONS

        question, passage = given["question"].strip(), given["passage"].strip()
        if not question or not passage:
            missing = "question" if not question else "passage"
            raise InputError(f"the {missing} is empty", "write one")
        # The form asks for an accepted answer; nothing is scored by it.
        accepted = [{"text": passage.split()[0], "answer_start": 0}]
        asked = {"id": "1", "question": question, "answers": accepted}
        paragraph = {"context": passage, "qas": [asked]}
        content = {"version": "1.1", "data": [{"title": "", "paragraphs": [paragraph]}]}
        (folder / QUESTIONS).write_text(json.dumps(content), encoding="utf-8")
        return folder

    def examples(self, folder: Path, most: int) -> Mapping[str, Mapping[str, str]]:
        """See ``Task.examples``: the first questions of the file, with their passages."""
        from loadscope.datasets.question_answering.squad import QUESTIONS
        from loadscope.datasets.question_answering.squad_json import read_squad

        file = folder / QUESTIONS
        found = read_squad(file, file.read_bytes())
        return {
            one.id: {"question": one.text, "passage": found.contexts[one.context]}
            for one in found.questions[:most]
        }

    def files(self, preprocess: WordPieceSpec) -> Sequence[NeededFile]:
        """The vocabulary."""
        return (
            NeededFile("vocabulary", preprocess.vocabulary, preprocess.sha256, "file", "sha256"),
        )
