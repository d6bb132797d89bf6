"""BERT encoders: with a start and an end score for each token, and with scores of a text.

Structure and parameter names: the BERT paper (Devlin et al., 2019) and the PyTorch checkpoints
in circulation, so that ``load_state_dict(strict=True)`` fits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

VOCABULARY = 30522
POSITIONS = 512
_SEGMENTS = 2
_EPSILON = 1e-12
# What BERT adds to the attention scores of padding.
_MASKED = -10_000.0


@dataclass(frozen=True)
class BertShape:
    """The size of an encoder.

    Attributes:
        layers: How many.
        hidden: Width of a token's vector.
        heads: Attention heads; they divide ``hidden``.
        intermediate: Width inside the feed-forward part.
    """

    layers: int
    hidden: int
    heads: int
    intermediate: int


# Base and large: the paper, section 3. Tiny and mini: Turc et al., 2019, table 1. MiniLM: Wang
# et al., 2020, six layers.
SHAPES = {
    "bert-tiny": BertShape(2, 128, 2, 512),
    "bert-mini": BertShape(4, 256, 4, 1024),
    "bert-minilm-l6": BertShape(6, 384, 12, 1536),
    "bert-base": BertShape(12, 768, 12, 3072),
    "bert-large": BertShape(24, 1024, 16, 4096),
}
"""The encoders by name."""


class _Embeddings(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, shape.hidden)
        self.position_embeddings = nn.Embedding(POSITIONS, shape.hidden)
        self.token_type_embeddings = nn.Embedding(_SEGMENTS, shape.hidden)
        self.LayerNorm = nn.LayerNorm(shape.hidden, eps=_EPSILON)

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        """Map two ``(batch, length)`` to ``(batch, length, hidden)``."""
        positions = self.position_embeddings.weight[: tokens.shape[1]]
        x = self.word_embeddings(tokens) + self.token_type_embeddings(segments) + positions
        result: Tensor = self.LayerNorm(x)
        return result


class _SelfAttention(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.query = nn.Linear(shape.hidden, shape.hidden)
        self.key = nn.Linear(shape.hidden, shape.hidden)
        self.value = nn.Linear(shape.hidden, shape.hidden)
        self._heads = shape.heads
        self._scale = (shape.hidden // shape.heads) ** -0.5

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same, with a mask to add to the scores."""
        query, key, value = (
            part(x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        if torch.compiler.is_exporting():
            # The fused function is written out with shapes computed at run time, which runtimes
            # neither fold nor fuse.
            scores = query @ key.transpose(-1, -2) * self._scale + mask
            mixed: Tensor = scores.softmax(-1) @ value
        else:
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2)


class _Output(nn.Module):
    """A linear layer, the way around it, and a norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps=_EPSILON)

    def forward(self, x: Tensor, around: Tensor) -> Tensor:
        """Map ``(batch, length, inputs)`` to ``(batch, length, outputs)``."""
        result: Tensor = self.LayerNorm(self.dense(x) + around)
        return result


class _Attention(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.self = _SelfAttention(shape)
        self.output = _Output(shape.hidden, shape.hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same."""
        result: Tensor = self.output(self.self(x, mask), x)
        return result


class _Intermediate(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.dense = nn.Linear(shape.hidden, shape.intermediate)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to ``(batch, length, intermediate)``."""
        return nn.functional.gelu(self.dense(x))


class _Layer(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.attention = _Attention(shape)
        self.intermediate = _Intermediate(shape)
        self.output = _Output(shape.intermediate, shape.hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same."""
        x = self.attention(x, mask)
        result: Tensor = self.output(self.intermediate(x), x)
        return result


class _Encoder(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to the same."""
        for layer in self.layer:
            x = layer(x, mask)
        return x


class _Bert(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.embeddings = _Embeddings(shape)
        self.encoder = _Encoder(shape)

    def forward(self, tokens: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Map three ``(batch, length)`` to ``(batch, length, hidden)``."""
        x = self.embeddings(tokens, segments)
        added = (1.0 - mask.to(x.dtype))[:, None, None, :] * _MASKED
        result: Tensor = self.encoder(x, added)
        return result


class TextNetwork(nn.Module):
    """A BERT encoder, on which a head stands.

    Args:
        bert: The encoder.
        size: The longest input, tokens; at most 512.

    Raises:
        ValueError: The encoder has no positions for such an input.
    """

    UNUSED: tuple[str, ...] = ("bert.embeddings.position_ids",)
    """Beginnings of names in checkpoints that this network has no use for."""

    def __init__(self, bert: _Bert, size: int) -> None:
        super().__init__()
        if size > POSITIONS:
            raise ValueError(f"BERT takes at most {POSITIONS} tokens, not {size}")
        self.bert = bert

    def example(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of a small batch, for what has to see the network run once."""
        ones = torch.ones(2, 16, dtype=torch.int64)
        return ones, ones.clone(), ones.clone()


class BertForSpans(TextNetwork):
    """A BERT encoder for extractive question answering.

    Args:
        shape: The encoder's size.
        classes: Scores for each token: 2, start and end.
        size: The longest input, tokens; at most 512.
    """

    UNUSED = ("bert.pooler.", *TextNetwork.UNUSED)

    def __init__(self, shape: BertShape, classes: int, size: int) -> None:
        super().__init__(_Bert(shape), size)
        self.qa_outputs = nn.Linear(shape.hidden, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Map integers, three times ``(batch, length)``, to scores ``(batch, length, classes)``."""
        logits: Tensor = self.qa_outputs(self.bert(input_ids, attention_mask, token_type_ids))
        return logits


class _Pooler(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.dense = nn.Linear(shape.hidden, shape.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, length, hidden)`` to ``(batch, hidden)``: of the first token."""
        return torch.tanh(self.dense(x[:, 0]))


class _PooledBert(_Bert):
    def __init__(self, shape: BertShape) -> None:
        super().__init__(shape)
        self.pooler = _Pooler(shape)

    def forward(self, tokens: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Map three ``(batch, length)`` to ``(batch, hidden)``."""
        result: Tensor = self.pooler(super().forward(tokens, mask, segments))
        return result


class BertForTexts(TextNetwork):
    """A BERT encoder that tells classes of whole texts apart.

    Args:
        shape: The encoder's size.
        classes: Scores for each text.
        size: The longest input, tokens; at most 512.
    """

    def __init__(self, shape: BertShape, classes: int, size: int) -> None:
        super().__init__(_PooledBert(shape), size)
        self.classifier = nn.Linear(shape.hidden, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Map integers, three times ``(batch, length)``, to scores ``(batch, classes)``."""
        logits: Tensor = self.classifier(self.bert(input_ids, attention_mask, token_type_ids))
        return logits
