"""Decoders after Llama (Touvron et al., 2023): RMS norm, rotary positions, SwiGLU, grouped queries.

A step takes tokens and the keys and values of those before, and gives the scores of the next
token and the keys and values with the new ones appended, so that no token is computed twice.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_BASE = 10000.0
"""Of the rotary frequencies (Su et al., 2021)."""

_MASKED = -1e9
"""Added to the score of a key that must not be seen; finite, for filling sees none at all."""


@dataclass(frozen=True)
class LlamaShape:
    """The size of a decoder.

    Attributes:
        layers: Blocks.
        hidden: Length of a token's vector.
        heads: Of queries.
        pairs: Of keys and values, each shared by several heads of queries.
        inner: Length of the vector inside of a feed-forward block.
    """

    layers: int
    hidden: int
    heads: int
    pairs: int
    inner: int

    @property
    def head(self) -> int:
        """Length of a head's vector."""
        return self.hidden // self.heads


LLAMAS = {
    "llama-tiny": LlamaShape(layers=2, hidden=64, heads=4, pairs=2, inner=176),
    "llama-small": LlamaShape(layers=6, hidden=288, heads=6, pairs=6, inner=768),
}


class RmsNorm(nn.Module):
    """Divides a vector by its root mean square (Zhang and Sennrich, 2019), and scales it.

    Args:
        size: The vector's length.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., size)`` to the same."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class _Attention(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        inner = shape.pairs * shape.head
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, inner, bias=False)
        self.v_proj = nn.Linear(shape.hidden, inner, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], added: Tensor, key: Tensor, value: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``(batch, tokens, hidden)``, and append to keys and values."""
        shape = self.shape
        batch, tokens = x.shape[0], x.shape[1]

        def heads(y: Tensor, count: int) -> Tensor:
            return y.view(batch, tokens, count, shape.head).transpose(1, 2)

        query = _turned(heads(self.q_proj(x), shape.heads), turn)
        key = torch.cat([key, _turned(heads(self.k_proj(x), shape.pairs), turn)], 2)
        value = torch.cat([value, heads(self.v_proj(x), shape.pairs)], 2)
        share = shape.heads // shape.pairs
        seen = functional.scaled_dot_product_attention(
            query, _shared(key, share), _shared(value, share), attn_mask=added
        )
        joined = seen.transpose(1, 2).reshape(batch, tokens, shape.hidden)
        return self.o_proj(joined), key, value


class _Block(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.input_norm = RmsNorm(shape.hidden)
        self.attention = _Attention(shape)
        self.output_norm = RmsNorm(shape.hidden)
        self.gate_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.hidden, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], added: Tensor, key: Tensor, value: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``(batch, tokens, hidden)``, and append to keys and values."""
        seen, key, value = self.attention(self.input_norm(x), turn, added, key, value)
        x = x + seen
        y = self.output_norm(x)
        y = self.down_proj(functional.silu(self.gate_proj(y)) * self.up_proj(y))
        return x + y, key, value


class Llama(nn.Module):
    """A decoder with its head.

    Args:
        shape: Its size.
        classes: Tokens of the vocabulary.
        size: The longest context, tokens; positions are computed, so that any is possible.
    """

    def __init__(self, shape: LlamaShape, classes: int, size: int) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(classes, shape.hidden)
        self.layers = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.hidden)
        self.lm_head = nn.Linear(shape.hidden, classes, bias=False)
        self.tensor_inputs = (
            "input_ids",
            "attention_mask",
            "position_ids",
            *self._names("past_key_values"),
        )
        """The names of what ``forward`` takes, in order."""
        self.tensor_outputs = ("logits", *self._names("present"))
        """The names of what it gives, in order."""

    def _names(self, what: str) -> list[str]:
        layers = range(self.shape.layers)
        return [f"{what}.{layer}.{part}" for layer in layers for part in ("key", "value")]

    def example(self, past: int, tokens: int) -> tuple[Tensor, ...]:
        """Inputs of a batch of two, for what has to see the network run once."""
        whole = torch.ones(2, past + tokens, dtype=torch.int64)
        state = torch.zeros(2, self.shape.pairs, past, self.shape.head)
        given = whole[:, :tokens]
        states = [state.clone() for _ in range(2 * self.shape.layers)]
        return given.clone(), whole, past + given.cumsum(1) - 1, *states

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Take a step.

        Args:
            input_ids: ``(batch, tokens)``.
            attention_mask: ``(batch, past + tokens)``, 1 for tokens and 0 for filling.
            position_ids: ``(batch, tokens)``, each token's place in its sequence.
            past: Keys and values of each layer in turn, ``(batch, pairs, past, head)``.

        Returns:
            The scores after the last token, ``(batch, 1, classes)``, then keys and values
            of each layer, ``(batch, pairs, past + tokens, head)``.
        """
        x, present = self.hidden(input_ids, attention_mask, position_ids, past)
        return self.lm_head(self.norm(x[:, -1:])), *present

    def scores(self, input_ids: Tensor) -> Tensor:
        """The scores after each token of whole texts, ``(batch, tokens, classes)``, to train by.

        Args:
            input_ids: ``(batch, tokens)``; what fills up texts is at their ends.
        """
        batch, tokens = input_ids.shape
        past = torch.zeros(batch, self.shape.pairs, 0, self.shape.head, device=input_ids.device)
        whole = torch.ones_like(input_ids)
        positions = torch.arange(tokens, device=input_ids.device).expand(batch, tokens)
        x, _ = self.hidden(input_ids, whole, positions, (past,) * (2 * self.shape.layers))
        found: Tensor = self.lm_head(self.norm(x))
        return found

    def hidden(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past: tuple[Tensor, ...],
    ) -> tuple[Tensor, list[Tensor]]:
        """What the last block gives of each token, before norm and head, and keys and values."""
        x = self.embed_tokens(input_ids)
        turn = self._turn(position_ids)
        tokens, whole = input_ids.shape[1], attention_mask.shape[1]
        columns = torch.arange(whole, device=x.device)
        rows = torch.arange(tokens, device=x.device) + (whole - tokens)
        seen = (columns[None, :] <= rows[:, None])[None] & (attention_mask[:, None, :] > 0)
        added = torch.where(seen[:, None], 0.0, _MASKED).to(x.dtype)
        present: list[Tensor] = []
        for at, layer in enumerate(self.layers):
            x, key, value = layer(x, turn, added, past[2 * at], past[2 * at + 1])
            present += [key, value]
        return x, present

    def _turn(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        half = torch.arange(0, self.shape.head, 2, device=positions.device, dtype=torch.float32)
        angles = positions[:, None, :, None].float() * _BASE ** (-half / self.shape.head)
        kind = self.norm.weight.dtype
        return angles.cos().to(kind), angles.sin().to(kind)


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the two halves of each head's vector by the angles of its position."""
    cos, sin = turn
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _shared(x: Tensor, share: int) -> Tensor:
    """Each head as often as it is shared: ``(batch, heads, ...)`` to as many times the heads."""
    return x if share == 1 else x.repeat_interleave(share, 1)
