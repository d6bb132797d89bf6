"""A query that memory cannot hold is refused before it starts."""

import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.scenarios.query_memory import SAMPLE_BYTES, require_query_memory


def test_a_query_that_memory_cannot_hold_is_refused_before_it_starts():
    require_query_memory(Scenario.OFFLINE, 1000, lambda: 1000 * SAMPLE_BYTES)
    with pytest.raises(
        InputError, match=r"Offline: 1,000,000 samples need 210 MB of memory .* 209 MB are free"
    ):
        require_query_memory(Scenario.OFFLINE, 1_000_000, lambda: 209_000_000)
