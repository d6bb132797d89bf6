"""The numbers of a ``RunSpec``: what each kind is read from, and its bounds."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from loadscope.units import milliseconds

# No machine comes near these; a number beyond them is a slip of the hand, and would overflow
# LoadGen's own.
MOST_TIMES = 10**6
_MOST_SAMPLES = 2**53
_LONGEST_MS = 30 * 24 * 3.6e6
_SHORTEST_MS = 1e-6

Times = Annotated[int, Field(gt=0, le=MOST_TIMES)]
Samples = Annotated[int, Field(gt=0, le=_MOST_SAMPLES)]
Rate = Annotated[float, Field(gt=0, le=1e9)]
MinDuration = Annotated[float, BeforeValidator(milliseconds), Field(le=_LONGEST_MS)]
TargetLatency = Annotated[
    float,
    BeforeValidator(lambda value: milliseconds(value, plausible=(0.1, 10_000))),
    Field(ge=_SHORTEST_MS, le=_LONGEST_MS),
]
Wait = Annotated[float, BeforeValidator(milliseconds), Field(le=_LONGEST_MS)]
