"""What a network that foretells clicks takes and gives, as its manifest states it."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

Transform = Literal["log", "none"]
Kind = Literal["probability", "logit"]


@dataclass(frozen=True, kw_only=True)
class ClickPreprocess:
    """The features of a row, and how many rows a query has.

    Attributes:
        dense: How many numbers a row has.
        sparse: How many categories.
        rows: Categories are below this number, as rows of a table; Criteo's hexadecimal ones
            are taken by it.
        transform: ``log``: numbers become log(1 + x), those below 0 and missing ones 0, as DLRM's
            authors do with Criteo's counts; ``none``: they stay.
        candidates: So many rows one after the other are one query, which LoadGen sees as a sample.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    dense: int = 13
    sparse: int = 26
    rows: int
    transform: Transform = "log"
    candidates: int = 1

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        for name in ("dense", "sparse", "rows", "candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, not 1 or more")
        if self.rows > 1 << 31:
            raise ValueError(f"rows is {self.rows}, more than int32 holds")
        if self.transform not in get_args(Transform):
            raise ValueError(f"transform is '{self.transform}', not log or none")

    def material(self) -> dict[str, Any]:
        """The settings that shape what is kept in the cache."""
        return {
            "dense": self.dense, "sparse": self.sparse, "rows": self.rows,
            "transform": self.transform, "candidates": self.candidates,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClickSpec:
    """How a click's likelihood is read from a network's outputs.

    Attributes:
        kind: ``probability``: the output is from 0 to 1; ``logit``: it is before the sigmoid.
        output: The name of that output, a number a row.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    kind: Kind
    output: str

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is '{self.kind}', not probability or logit")
        if not self.output:
            raise ValueError("output names no tensor")
