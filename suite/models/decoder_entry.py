"""What a manifest says of a model that generates token by token: ``decoder`` of an artifact."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from loadscope.misfits import Misfits
from loadscope.suite.models.tensor_spec import Dtype, Strict, TensorSpec, plain_path, tensor_infos
from loadscope.sut.decoder import Decoder, Encoder, State
from loadscope.tensors import ANY_SIZE

_LAYER = "*"


class StateEntry(Strict):
    """A tensor of each layer that one step hands to the next.

    Attributes:
        past: The input; a star stands for the number of the layer, from 0.
        present: The output that is the input of the next step.
        dtype: Its numpy type name.
        shape: Sizes without the batch axis, -1 for the one of the tokens.
        kept: Whether the first step's is the one of all steps; otherwise it grows.
    """

    past: str
    present: str
    dtype: Dtype = "float32"
    shape: tuple[int, ...]
    kept: bool = False

    @model_validator(mode="after")
    def _names_and_sizes(self) -> Self:
        misfits = Misfits()
        for place in ("past", "present"):
            if getattr(self, place).count(_LAYER) != 1:
                misfits.add(place, f"expected one {_LAYER}, for the number of the layer")
        if self.shape.count(ANY_SIZE) != 1 or any(
            size < 1 and size != ANY_SIZE for size in self.shape
        ):
            misfits.add("shape", f"expected sizes from 1 on and one {ANY_SIZE}, of the tokens")
        misfits.refuse()
        return self


class EncoderEntry(Strict):
    """What reads a sample before the decoder answers it.

    Attributes:
        file: Its file, by the path from the decoder's folder; under ``files`` where it is fetched.
        inputs: The tensors that a sample gives it.
        outputs: The tensors to fetch.
        feeds: Inputs of the decoder, each with the output of the encoder, or the input of the
            sample, that it takes in every step.
        masked: Whether one of them tells the decoder what is filled up, so that samples of
            different lengths can share a batch.
    """

    file: Annotated[str, AfterValidator(plain_path)]
    inputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    outputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    feeds: Annotated[dict[str, str], Field(min_length=1)]
    masked: bool = False


class DecoderEntry(Strict):
    """How a decoder's tensors are used from step to step.

    Attributes:
        layers: How many layers have states.
        states: What a step hands to the next; beside ``inputs`` and ``outputs``. None for a
            framework that keeps them to itself.
        tokens: The input of token ids, ``(batch, tokens)``.
        logits: The output of scores, ``(batch, tokens, vocabulary)``.
        mask: The input with 1 for each token, past ones included, and 0 for what fills up on the
            left; without one the sequences of a batch begin together.
        positions: The input of each token's place in its sequence.
        cached: The input, one truth value, that is false in the first step.
        encoder: What reads the sample; none where the sample is the prompt.
    """

    layers: NonNegativeInt = 0
    states: tuple[StateEntry, ...] = ()
    tokens: str = "input_ids"
    logits: str = "logits"
    mask: str = ""
    positions: str = ""
    cached: str = ""
    encoder: EncoderEntry | None = None

    def misfits(
        self, inputs: dict[str, TensorSpec], outputs: dict[str, TensorSpec]
    ) -> Iterator[tuple[str, str]]:
        """What does not go with an artifact's own tensors: dotted key and reason each."""
        for place in ("tokens", "mask", "positions", "cached"):
            name = getattr(self, place)
            if (name or place == "tokens") and name not in inputs:
                yield place, f"'{name}' is not among the inputs: {', '.join(inputs)}"
        if self.logits not in outputs:
            yield "logits", f"'{self.logits}' is not among the outputs: {', '.join(outputs)}"
        played = {self.tokens, self.mask, self.positions, self.cached}
        fed = self.encoder.feeds if self.encoder else {}
        for name in inputs.keys() - played - fed.keys():
            yield (
                "",
                f"nothing is given to the input '{name}': name it under mask, positions, "
                + ("cached or encoder.feeds"),
            )
        if self.encoder is not None:
            known = (*self.encoder.outputs, *self.encoder.inputs)
            for name, given in self.encoder.feeds.items():
                if name not in inputs:
                    yield "encoder.feeds", f"'{name}' is not among the decoder's inputs"
                if given not in known:
                    yield f"encoder.feeds.{name}", f"'{given}' is none of: {', '.join(known)}"
        if self.states and all(one.kept for one in self.states):
            yield "states", "expected one that grows; a decoder's keys and values do"
        if bool(self.states) != bool(self.layers):
            yield "layers", f"expected how many have states, got {self.layers}"

    def decoder(self, path: Path) -> Decoder:
        """The form that the suite runs.

        Args:
            path: The decoder's file on this machine.
        """
        encoder = self.encoder
        return Decoder(
            self.tokens,
            self.logits,
            tuple(
                State(
                    one.past.replace(_LAYER, str(layer)),
                    one.present.replace(_LAYER, str(layer)),
                    one.dtype,
                    one.shape,
                    one.kept,
                )
                for layer in range(self.layers)
                for one in self.states
            ),
            self.mask,
            self.positions,
            self.cached,
            None
            if encoder is None
            else Encoder(
                path.parent / encoder.file,
                tensor_infos(encoder.inputs),
                tensor_infos(encoder.outputs),
                encoder.feeds,
                encoder.masked,
            ),
        )
