"""Time as a campaign has it; a simulated one stands in for it in tests."""

import time
from typing import Protocol


class Clock(Protocol):
    """Time as the coordinator has it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """See ``Clock``."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        time.sleep(seconds)
