from pathlib import Path

from loadscope.tools.arch.checks import SUITES

TESTS = Path(__file__).resolve().parents[1]


def test_the_lane_names_tests_that_there_are():
    named = [test for suite in SUITES for test in suite.tests]
    assert named and not [test for test in named if not (TESTS / test).exists()]
