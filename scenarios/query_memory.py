"""Whether memory can hold the samples of a test that LoadGen issues, found out before it starts."""

from collections.abc import Callable

from loadscope.errors import InputError
from loadscope.memory import available_memory
from loadscope.names import Scenario

SAMPLE_BYTES = 210
"""What a sample of a test takes in LoadGen and in the recorder, bytes: three million more took
625 MB more in Offline with a backend that computes nothing."""


def require_query_memory(
    scenario: Scenario, samples: int, available: Callable[[], int] = available_memory
) -> None:
    """Refuse a test whose samples alone would not fit.

    A fast model meets it: LoadGen makes all of Offline's query at once, enough of it for the
    minimum duration, and the kernel ends the process, or another one, in the middle of the test.

    Args:
        scenario: The scenario.
        samples: The fewest that LoadGen will issue.
        available: Gives the free memory, bytes.

    Raises:
        InputError: There is no memory for them.
    """
    needed, free = samples * SAMPLE_BYTES, available()
    if needed > free:
        raise InputError(
            f"{scenario}: {samples:,} samples need {needed / 1e6:,.0f} MB of memory for LoadGen's"
            f" log, and {free / 1e6:,.0f} MB are free",
            "give a shorter --min-duration, which makes it a rehearsal, or use a larger machine",
        )
