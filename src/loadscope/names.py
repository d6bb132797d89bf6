"""LoadGen's own names for what it runs."""

from enum import StrEnum

DEFAULT_NUMERICS = "float32"
"""What a result's name leaves out."""

DEFAULT_DEVICE = "cpu"
"""Likewise."""


def system_name(framework: str, device: str, numerics: str, network: bool = False) -> str:
    """What a result is called beside its model: ``pytorch``, ``pytorch cuda float16``.

    Args:
        framework: The backend's name.
        device: What it computed on.
        numerics: What it computed with.
        network: Whether it was reached by the network, which a result is never shown without.
    """
    parts = [framework]
    parts += [device] if device != DEFAULT_DEVICE else []
    parts += [numerics] if numerics != DEFAULT_NUMERICS else []
    parts += ["over network"] if network else []
    return " ".join(parts)


class Scenario(StrEnum):
    """How queries arrive; the values are LoadGen's and the submission tree's spelling."""

    SINGLE_STREAM = "SingleStream"
    MULTI_STREAM = "MultiStream"
    OFFLINE = "Offline"
    SERVER = "Server"

    @property
    def inline(self) -> bool:
        """Whether queries are answered inside LoadGen's callback, without a thread hop."""
        return self in (Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM)


class Mode(StrEnum):
    """What a LoadGen test is for.

    ``compliance`` asks for the tests that the round wants of the benchmark; those are LoadGen
    tests of their own, with the official names.
    """

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    COMPLIANCE = "compliance"
    TEST01 = "TEST01"
    TEST04 = "TEST04"
    TEST06 = "TEST06"
    TRACE = "trace"

    @property
    def loadgen(self) -> str:
        """The name of LoadGen's ``TestMode``."""
        return "AccuracyOnly" if self is Mode.ACCURACY else "PerformanceOnly"

    @property
    def audit(self) -> bool:
        """Whether it is a compliance test, which LoadGen runs by an ``audit.config``."""
        return self in (Mode.TEST01, Mode.TEST04, Mode.TEST06)

    @property
    def compared_with(self) -> tuple["Mode", ...]:
        """The tests of the same run that a compliance test is held against."""
        if self is Mode.TEST01:
            return (Mode.PERFORMANCE, Mode.ACCURACY)
        return (Mode.PERFORMANCE,) if self is Mode.TEST04 else ()
