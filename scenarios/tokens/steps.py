"""A decoder's steps over its backend: what a first and a later one take, and what they give.

The loop knows no framework: encoder and decoder are ``predict`` calls by tensor names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.tensors import ANY_SIZE, Tensors

Predict = Callable[[Tensors], Tensors]
"""``Backend.predict``, or a tracer's."""


@dataclass(frozen=True)
class Stepped:
    """What a step gives.

    Attributes:
        logits: The scores of each row's next token, ``(batch, vocabulary)``.
        grown: The states that grow, in the order of ``Steps.growing``.
        kept: Those that the first step alone gives; empty of a later step.
    """

    logits: NDArray[Any]
    grown: list[NDArray[Any]]
    kept: list[NDArray[Any]]


class Steps:
    """Feeds a decoder.

    Args:
        artifact: With a decoder.
        decode: Runs the decoder.
        encode: Runs the encoder; None where there is none.

    Attributes:
        growing: The states that grow.
        kept: The states that do not.
        ragged: Whether sequences of different lengths can share a batch.
        ragged_samples: Whether what an encoder reads may differ in length there.

    Raises:
        InputError: The manifest gives the decoder's tensors parts that they cannot play, or has no
            states.
    """

    def __init__(self, artifact: Artifact, decode: Predict, encode: Predict | None = None) -> None:
        decoder = artifact.decoder
        if decoder is None:
            raise TypeError("the artifact has no decoder")
        self._decoder = decoder
        self._artifact = artifact
        self._decode, self._encode = decode, encode
        self._inputs = {one.name: one for one in artifact.inputs}
        self.growing = [one for one in decoder.states if not one.kept]
        self.kept = [one for one in decoder.states if one.kept]
        if not self.growing:
            raise InputError(
                "decoder: the framework keeps this model's states to itself, and tells no scores",
                "take the decoder's file on another framework, with its states in a manifest",
            )
        self.ragged = bool(decoder.mask)
        self.ragged_samples = decoder.encoder is None or decoder.encoder.masked
        self._grown_names = [one.past for one in self.growing]
        self._kept_names = [one.past for one in self.kept]
        self._axis = self.growing[0].axis
        self._prompt_name = artifact.sample_inputs[0].name
        self._token_type = np.dtype(self._info(decoder.tokens).dtype)
        # Looked up once: a step of a small decoder takes a quarter of a millisecond.
        self._mask_type, self._position_type, self._cached_type = (
            np.dtype(self._info(name).dtype) if name else None
            for name in (decoder.mask, decoder.positions, decoder.cached)
        )

    def running_by(
        self, decoder: Callable[[Predict], Predict], encoder: Callable[[Predict], Predict]
    ) -> "Steps":
        """The same with other ways to run decoder and encoder, each made from the present one."""
        encode = None if self._encode is None else encoder(self._encode)
        return Steps(self._artifact, decoder(self._decode), encode)

    def read(self, sample: Tensors, start: Sequence[int]) -> tuple[NDArray[Any], Tensors]:
        """What a sample, a batch of one, gives the decoder.

        Args:
            sample: From the sample library.
            start: What decoding starts with where an encoder reads the sample.

        Returns:
            The prompt, ``(tokens,)``, and what is fed in every step, without batch axis.
        """
        encoder = self._decoder.encoder
        if encoder is None or self._encode is None:
            # A copy: the library may give the memory to the next batch.
            return np.array(sample[self._prompt_name][0], self._token_type), {}
        found = {**sample, **self._encode(sample)}
        memory = {name: np.array(found[given][0]) for name, given in encoder.feeds.items()}
        return np.array(start, self._token_type), memory

    def memory_axis(self, name: str) -> int:
        """The axis along which what is fed in every step differs from sample to sample."""
        shape = self._info(name).shape
        return 1 + shape.index(ANY_SIZE) if ANY_SIZE in shape else 1

    def first(self, prompts: Sequence[NDArray[Any]], memory: Tensors) -> Stepped:
        """The first step of new sequences: their whole prompts.

        Args:
            prompts: Each ``(tokens,)``; filled up on the left where they differ in length.
            memory: From ``stacked``.
        """
        longest = max(len(prompt) for prompt in prompts)
        tokens = np.zeros((len(prompts), longest), self._token_type)
        mask = np.zeros((len(prompts), longest), np.int64)
        for row, prompt in enumerate(prompts):
            tokens[row, longest - len(prompt) :] = prompt
            mask[row, longest - len(prompt) :] = 1
        positions = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
        past = [_empty(one.dtype, one.shape, len(prompts)) for one in self.growing]
        kept = [_empty(one.dtype, one.shape, len(prompts)) for one in self.kept]
        return self._step(tokens, mask, positions, past, kept, memory, first=True)

    def next(
        self,
        tokens: Sequence[int],
        lengths: Sequence[int] | NDArray[np.int64],
        past: list[NDArray[Any]],
        kept: list[NDArray[Any]],
        memory: Tensors,
    ) -> Stepped:
        """A later step: the last token of each sequence.

        Args:
            tokens: One a row.
            lengths: Of each row's tokens in the past, which are its last columns.
            past: The states that grow.
            kept: The others.
            memory: From ``stacked``.
        """
        width = 1 + past[0].shape[self._axis]
        counts = np.asarray(lengths, np.int64)[:, None]
        mask = np.arange(width) >= width - 1 - counts
        row = np.array(tokens, self._token_type)[:, None]
        return self._step(row, mask, counts, past, kept, memory, first=False)

    def _step(
        self,
        tokens: NDArray[Any],
        mask: NDArray[Any],
        positions: NDArray[Any],
        past: list[NDArray[Any]],
        kept: list[NDArray[Any]],
        memory: Tensors,
        first: bool,
    ) -> Stepped:
        decoder = self._decoder
        batch: Tensors = {decoder.tokens: tokens}
        if self._mask_type is not None:
            batch[decoder.mask] = mask.astype(self._mask_type)
        if self._position_type is not None:
            batch[decoder.positions] = positions.astype(self._position_type)
        if self._cached_type is not None:
            batch[decoder.cached] = np.array([not first], self._cached_type)
        batch |= memory
        batch |= zip(self._grown_names, past, strict=True)
        batch |= zip(self._kept_names, kept, strict=True)
        found = self._decode(batch)
        return Stepped(
            found[decoder.logits][:, -1],
            [found[one.present] for one in self.growing],
            [found[one.present] for one in self.kept] if first else [],
        )

    def _info(self, name: str) -> TensorInfo:
        if name not in self._inputs:
            raise InputError(
                f"decoder: the model has no input '{name}'",
                f"correct decoder or inputs in the model's manifest; it has: "
                f"{', '.join(self._inputs)}",
            )
        return self._inputs[name]


def stacked(memories: Sequence[Mapping[str, NDArray[Any]]]) -> Tensors:
    """Arrays without batch axis as batches, filled up with zeros on the right to one shape."""
    found: Tensors = {}
    for name in memories[0]:
        arrays = [one[name] for one in memories]
        sizes = [array.shape for array in arrays]
        made = np.zeros((len(arrays), *np.max(sizes, axis=0).astype(int)), arrays[0].dtype)
        for row, array in enumerate(arrays):
            made[(row, *map(slice, array.shape))] = array
        found[name] = made
    return found


def _empty(dtype: str, shape: Sequence[int], batch: int) -> NDArray[Any]:
    return np.zeros((batch, *(0 if size == ANY_SIZE else size for size in shape)), dtype)
