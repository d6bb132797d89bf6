"""What a model's folder says of how it answers texts token by token."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decoding:
    """What lies in a model's folder beside its tensors.

    Attributes:
        end: The tokens that end an answer.
        begin: The tokens before a prompt.
        context: The most tokens of prompt and answer.
        tokenizer: The path of its ``tokenizer.json``; empty where there is none.
    """

    end: tuple[int, ...]
    begin: tuple[int, ...]
    context: int
    tokenizer: str = ""
