"""Sizes of a tensor as they are written: ``1,3,224,224``, or with a type ``1,128:int64``."""

from typing import Any, NamedTuple

DTYPES = (
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32",
    "int64", "uint64", "bool",
)  # fmt: skip
"""The numpy type names that a model's input or output can have."""


class Sizes(NamedTuple):
    """What is said of a tensor.

    Attributes:
        sizes: All of them, the batch's first.
        dtype: A name of ``DTYPES``, or empty where none is said.
    """

    sizes: tuple[int, ...]
    dtype: str


def parse_sizes(text: str) -> Sizes:
    """Read sizes.

    Raises:
        ValueError: They are not whole numbers from 1 on, or the type is unknown.
    """
    numbers, colon, dtype = text.partition(":")
    try:
        sizes = tuple(int(number) for number in numbers.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise ValueError("expected sizes from 1 on, the batch's first, as 1,3,224,224")
    if colon and dtype not in DTYPES:
        raise ValueError(f"unknown type '{dtype}'; known: {', '.join(DTYPES)}")
    return Sizes(sizes, dtype)


def sizes_text(value: Any) -> Any:
    """Sizes as text, from text or a list of numbers; anything else is left as it is.

    Raises:
        ValueError: As ``parse_sizes``.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    if isinstance(value, str):
        parse_sizes(value)
    return value
