"""A plugin of pytest on the emulated machine: what cannot hold there is an expected failure.

Such a test that passes is a failure: its reason is then no longer true.
"""

import platform

import pytest
from hypothesis import settings

from loadscope.tools.arch.architecture import ARCHITECTURES

# Under emulation an example takes as long as the machine likes, which tells nothing of the test.
settings.register_profile("emulated", deadline=None)
settings.load_profile("emulated")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that the architecture's entry names."""
    (here,) = (each for each in ARCHITECTURES.values() if each.machine == platform.machine())
    for item in items:
        if item.name in here.expected:
            item.add_marker(pytest.mark.xfail(reason=here.expected[item.name], strict=True))
