"""A model that generates its answer token by token: how its file is stepped with a KV cache.

A decoder is a backend like any other, loaded from ``Artifact.of_decoder``: its past states are
inputs, its present states outputs. An encoder, where there is one, is a second backend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadscope.sut.tensor_info import TensorInfo
from loadscope.tensors import ANY_SIZE


@dataclass(frozen=True)
class State:
    """A tensor that one step of a decoder hands to the next: keys or values of a layer.

    Attributes:
        past: The input.
        present: The output that is the input of the next step.
        dtype: A numpy type name.
        shape: Sizes without the batch axis, ``tensors.ANY_SIZE`` for the one of the tokens.
        kept: Whether the first step's is the one of all steps, as that of attention to an
            encoder's output is; otherwise it grows by the tokens of each step.
    """

    past: str
    present: str
    dtype: str
    shape: tuple[int, ...]
    kept: bool = False

    @property
    def axis(self) -> int:
        """The axis of the tokens, the batch being axis 0."""
        return 1 + self.shape.index(ANY_SIZE)


@dataclass(frozen=True)
class Encoder:
    """What reads a sample before a decoder answers it.

    Attributes:
        path: Its file on this machine, of the decoder's format.
        inputs: What it takes, which is what a sample gives.
        outputs: What it gives.
        feeds: Inputs of the decoder by name, each with the output of the encoder, or the input of
            the sample, that it takes in every step.
        masked: Whether the decoder is told by one of them what of the others is filled up, so that
            samples of different lengths can share a batch.
    """

    path: Path
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    feeds: Mapping[str, str]
    masked: bool = False


@dataclass(frozen=True)
class Decoder:
    """The parts that a decoder's tensors play; those of an artifact's that are no states.

    Attributes:
        tokens: The input of token ids, ``(batch, tokens)``: the whole prompt in the first step,
            then the last token.
        logits: The output of scores, ``(batch, tokens, vocabulary)``; of the last token alone is
            enough.
        states: What a step hands to the next.
        mask: The input that has 1 for each past and present token and 0 for what fills up, on the
            left; empty where there is none: then the sequences of a batch begin together.
        positions: The input of each token's place in its sequence, from 0; empty for none.
        cached: The input, one truth value, that is false in the first step; empty for none.
        encoder: What reads the sample; None where the sample is the prompt.
    """

    tokens: str
    logits: str
    states: tuple[State, ...]
    mask: str = ""
    positions: str = ""
    cached: str = ""
    encoder: Encoder | None = None
