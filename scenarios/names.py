"""LoadGen's own names for what it runs."""

from enum import StrEnum


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
    """What a LoadGen test is for."""

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    TRACE = "trace"

    @property
    def loadgen(self) -> str:
        """The name of LoadGen's ``TestMode``."""
        return "AccuracyOnly" if self is Mode.ACCURACY else "PerformanceOnly"
