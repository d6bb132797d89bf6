"""Sequences in an engine of GenAI's, each a request with one turn."""

from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from loadscope.errors import InputError, WorkError

_COMPLETE = (og.FinishReason.EOS, og.FinishReason.MAX_GENERATED_TOKENS)
_SOUND = (og.EngineErrorCode.NONE, og.EngineErrorCode.CAPACITY_DEFERRED)
_EVENTS = 64
"""Of one call; more of them come with the next, before another step."""


class EngineGenerator:
    """See ``TokenGenerator``.

    Args:
        model: The model; engines may share it.
        end: The token that stands for the end of an answer, of which the engine gives none.
        least: The tokens before the end.
    """

    def __init__(self, model: og.Model, end: int, least: int) -> None:
        self._engine = og.Engine(model)
        self._events = self._engine.create_event_buffer(_EVENTS)
        self._end, self._least = end, least
        self._keys: dict[og.Request, int] = {}

    def begin(self, key: int, prompt: NDArray[Any], limit: int) -> None:
        """See ``TokenGenerator.begin``."""
        request = self._engine.create_request()
        options = og.TurnOptions(request)
        options.set_max_generated_tokens(limit)
        options.set_min_generated_tokens(self._least)
        try:
            request.begin_turn(prompt.astype(np.int32), options)
        except RuntimeError as error:
            raise InputError(
                f"GenAI takes no prompt of {len(prompt)} tokens for an answer of {limit}: "
                f"{_line(error)}",
                "shorten them: window, context and most_new_tokens in the model's manifest",
            ) from error
        self._keys[request] = key

    def step(self) -> list[tuple[int, int]]:
        """See ``TokenGenerator.step``."""
        found = []
        for event in self._engine.run(self._events):
            if event.error_code not in _SOUND:
                raise self._broken(event.error_code.name)
            if event.request is None:
                continue
            key = self._keys[event.request]
            if event.token is not None:
                found.append((key, event.token))
            if event.finish_reason == og.FinishReason.NONE:
                continue
            if event.finish_reason not in _COMPLETE:
                raise self._broken(event.finish_reason.name)
            if event.finish_reason == og.FinishReason.EOS:
                found.append((key, self._end))
            del self._keys[event.request]
            event.request.close()
        return found

    def _broken(self, code: str) -> WorkError:
        try:
            # A broken engine says why when it is asked for more.
            self._engine.run(self._events)
            said = ""
        except RuntimeError as error:
            said = f": {_line(error)}"
        return WorkError(
            f"GenAI's engine gave an answer up, {code}{said}",
            "its batches need a decoder that scores every token of a prompt and has "
            "GroupQueryAttention, as GenAI's model builder writes it",
        )


def _line(error: RuntimeError) -> str:
    return " ".join(str(error).split())[:300]
