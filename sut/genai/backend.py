"""ONNX Runtime GenAI behind the backend protocol."""

import json
from collections.abc import Collection

import numpy as np
import onnxruntime_genai as og

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck
from loadscope.sut.effective import Effective
from loadscope.sut.genai.folder import CONFIG, folder_of
from loadscope.sut.genai.generator import EngineGenerator
from loadscope.sut.genai.info import INFO
from loadscope.tensors import Tensors

_GREEDY = {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0}
"""Always the likeliest token, whatever the folder has for its users."""


class GenaiBackend:
    """A model folder, which each thread answers with in an engine of its own."""

    def __init__(self) -> None:
        self._model: og.Model | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Load a folder on the CPU.

        Args:
            artifact: A folder with ``genai_config.json``.
            threads: Threads of a step; more than one are a pool that all engines share.

        Raises:
            InputError: The folder is unusable, or an option is unknown.
        """
        INFO.check_options(artifact.options)
        # It reports its use to its maker otherwise.
        og.disable_telemetry_events()
        self._folder = folder_of(artifact.path)
        self._path = artifact.path
        session = {"intra_op_num_threads": threads, "inter_op_num_threads": 1}
        overlay = {"model": {"decoder": {"session_options": session}}, "search": _GREEDY}
        try:
            config = og.Config(str(artifact.path))
            config.clear_providers()
            config.overlay(json.dumps(overlay))
            self._model = og.Model(config)
        # It raises RuntimeError alone, whatever is wrong.
        except RuntimeError as error:
            said = " ".join(str(error).split())[:300]
            raise InputError(
                f"{artifact.path}: {INFO.title} cannot load it: {said}",
                f"have the folder made by GenAI's model builder, for CPU; see its {CONFIG}",
            ) from error
        self._check = BatchCheck(artifact.inputs)

    def effective(self) -> Effective:
        """The device; GenAI tells nothing else."""
        return Effective({"device": self._loaded().device_type.lower()})

    def generator(self, end: Collection[int], least: int) -> EngineGenerator:
        """See ``GeneratingBackend``."""
        ends = self._folder.decoding.end
        if set(end) != set(ends):
            raise InputError(
                f"{self._path}: answers end by the tokens {list(ends)}, and the manifest has "
                f"{sorted(end)}",
                f"say the same in postprocess.end_tokens and eos_token_id of {CONFIG}",
            )
        return EngineGenerator(self._loaded(), ends[0], least)

    def predict(self, batch: Tensors) -> Tensors:
        """The scores after the last token of prompts of one length, ``(batch, 1, vocabulary)``.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        tokens = batch[self._folder.tokens].astype(np.int32)
        params = og.GeneratorParams(self._loaded())
        params.set_search_options(batch_size=len(tokens), max_length=tokens.shape[1] + 1)
        generator = og.Generator(self._loaded(), params)
        generator.append_tokens(tokens)
        return {self._folder.logits: np.array(generator.get_logits()[:, -1:])}

    def close(self) -> None:
        """Drop the model; an engine keeps it as long as it lives."""
        self._model = None

    def _loaded(self) -> og.Model:
        if self._model is None:
            raise RuntimeError("called after close")
        return self._model
