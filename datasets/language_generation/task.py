"""The task of answering a prompt with text, token by token."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

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
from loadscope.datasets.generation import TOKEN_MS, TOKENS, Generation
from loadscope.datasets.language_generation.prompt_spec import LONGEST, AnswerSpec, PromptSpec
from loadscope.datasets.language_generation.rouge import ROUGE
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Ask, Part, Token, Tokens
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Payloads,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.datasets.texts.token_library import TokenLibrary
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

if TYPE_CHECKING:
    from loadscope.datasets.language_generation.prompts import Prompts

_LEAST = 2


class LanguageGeneration(Task):
    """Prompts, answers in tokens, and ROUGE."""

    name = "language-generation"
    title = "Language generation (ROUGE)"
    metrics: tuple[ScoreMetric, ...] = tuple(ROUGE.values())
    preprocess_type: type[Any] = PromptSpec
    postprocess_type: Any = AnswerSpec
    inputs = "texts"
    payload: Literal["classes", "numbers"] = "numbers"
    packages = ("rouge_score",)
    install = "pip install 'loadscope[language]'"
    form_types = (Manifest,)
    catalog = Path(__file__).with_name("catalog.yaml")
    asks = (Ask("text", "Prompt", "passage"),)
    token_latencies = True

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> "Prompts":
        """See ``Prompts.read``."""
        from loadscope.datasets.language_generation.prompts import Prompts

        if not isinstance(preprocess, PromptSpec):
            raise TypeError(f"{self.name} needs a PromptSpec, not {type(preprocess).__name__}")
        return Prompts.read(path, limit, preprocess, metric, form)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: PromptSpec,
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
        preprocess: PromptSpec,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> TokenLibrary:
        """See ``TokenLibrary``; tokens are small as they are."""
        return TokenLibrary(prepared, preprocess, inputs)

    def generation(
        self, spec: AnswerSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Generation:
        """See ``Task.generation``; a row of the data set may ask for fewer tokens."""
        asked = form.most_tokens
        return Generation(
            end=spec.end_tokens,
            most_new=spec.most_new_tokens,
            context=spec.context,
            most_of=(lambda index: asked[index] or spec.most_new_tokens) if asked else None,
        )

    def end_tokens(self, spec: AnswerSpec) -> tuple[int, ...]:
        """See ``Task.end_tokens``."""
        return spec.end_tokens

    def postprocess(
        self, spec: AnswerSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """Make the function that gives tokens as ``<i4``, as MLPerf's scripts read them."""

        def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
            return [np.ascontiguousarray(row, "<i4") for row in outputs[TOKENS]]

        return payloads

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why prompts do not go in, or no answer can come out."""
        for one in entry.inputs:
            if one.dtype not in ("int32", "int64") or tuple(one.shape) != (ANY_SIZE,):
                yield Misfit(
                    f"inputs.{one.name}",
                    f"expected int32 or int64 [{ANY_SIZE}], the tokens of a prompt, got "
                    f"{one.dtype} {list(one.shape)}",
                )
        spec: AnswerSpec = entry.postprocess
        words: int = entry.outputs[0].shape[-1] if entry.outputs[0].shape else 0
        beyond = [token for token in spec.end_tokens if words and token >= words]
        if beyond:
            yield Misfit(
                "postprocess.end_tokens",
                f"{beyond[0]} is outside 0..{words - 1}, the model's vocabulary",
            )
        window: int = entry.preprocess.window
        if spec.context and window + _LEAST > spec.context:
            yield Misfit(
                "preprocess.window",
                f"a prompt of {window} tokens leaves no room for an answer in the context of "
                f"{spec.context}",
            )

    def infer(self, model: FileModel, preprocess: Asked) -> Draft | None:
        """A folder that says how it answers token by token."""
        said = model.decoding
        if said is None:
            return None
        if isinstance(preprocess, str):
            raise InputError(
                f"--preprocess: '{preprocess}' is for images, and the model takes prompts",
                "leave it out, or give a YAML file with tokenizer, begin or template",
            )
        asked = dict(preprocess or {})
        if not said.tokenizer and "tokenizer" not in asked:
            raise InputError(
                "the model's folder has no tokenizer.json, and its prompts need a tokenizer",
                "give --preprocess FILE, a YAML file with tokenizer: tokenizer-json and "
                "vocabulary: file:tokenizer.json, or tokenizer: bytes",
            )
        cut = {"tokenizer": "tokenizer-json", "vocabulary": f"file:{said.tokenizer}"}
        most = min(AnswerSpec(end_tokens=said.end).most_new_tokens, said.context // 2)
        return Draft(
            preprocess={
                **({} if "tokenizer" in asked else cut),
                "begin": said.begin,
                "window": min(said.context - most, LONGEST),
                **asked,
            },
            postprocess={
                "end_tokens": said.end, "most_new_tokens": most, "context": said.context
            },
            outputs=[one.name for one in model.outputs],
            assumed=[f"answers of {most} tokens at most", "no template around a prompt"],
        )  # fmt: skip

    def classes(self, entry: DeclaredModel) -> int:
        """The size of the vocabulary, which an exporter has to know."""
        return entry.outputs[0].shape[-1] if entry.outputs and entry.outputs[0].shape else 0

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Give the prompt, and the text of the answer.

        Raises:
            WorkError: The payload holds no tokens.
        """
        if not answer or len(answer) % 4:
            raise WorkError(f"sample {sample.index} is answered with {len(answer)} bytes")
        dataset = self._own(sample.dataset)
        tokens = np.frombuffer(answer, "<i4").tolist()
        return Shown(dataset.texts[sample.index], dataset.text_of(tokens))

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """The answer token by token, with what each took."""
        own = self._own(dataset)
        pieces = own.pieces_of(np.frombuffer(answers[0], "<i4").tolist())
        spent = outputs[0][TOKEN_MS].tolist()
        return (Tokens(tuple(map(Token, pieces, spent))),)

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a prompt with an empty reference, which nothing is scored by."""
        row = {"text": given["text"].strip(), "reference": ""}
        (folder / "sample.json").write_text(json.dumps([row]), encoding="utf-8")
        return folder / "sample.json"

    def examples(self, folder: Path, most: int) -> Mapping[str, Mapping[str, str]]:
        """See ``Task.examples``: the first prompts of the table."""
        from loadscope.datasets.language_generation.prompts import first_texts

        texts = first_texts(folder, most)
        return {f"prompt {at}": {"text": text} for at, text in enumerate(texts, 1)}

    def files(self, preprocess: PromptSpec) -> Sequence[NeededFile]:
        """The tokenizer, where it is a file."""
        if not preprocess.vocabulary:
            return ()
        return (
            NeededFile("vocabulary", preprocess.vocabulary, preprocess.sha256, "file", "sha256"),
        )

    def _own(self, dataset: Dataset) -> "Prompts":
        from loadscope.datasets.language_generation.prompts import Prompts

        if not isinstance(dataset, Prompts):
            raise TypeError(f"{self.name} reads Prompts, not {type(dataset).__name__}")
        return dataset
