import json

import pytest

from loadscope.errors import WorkError
from loadscope.tools.bench.pairs import alternate, run_json


def test_ratios_are_taken_pair_by_pair():
    ours, theirs = iter([10.0, 40.0, 30.0]), iter([20.0, 50.0, 20.0])
    order = []

    def suite():
        order.append("A")
        return next(ours)

    def bare():
        order.append("B")
        return next(theirs)

    measured = alternate(3, suite, bare)
    assert "".join(order) == "ABABAB"
    # Pairs give 0.5, 0.8 and 1.5; the medians alone would give 30 / 20.
    assert measured == {"suite": 30.0, "bare": 20.0, "ratio": 0.8, "ratios": [0.5, 0.8, 1.5]}


def test_a_failed_measurement_is_no_figure():
    with pytest.raises(WorkError, match=r"loadscope\.tools\.bench\.null_session failed"):
        run_json("loadscope.tools.bench.null_session", "suite", "Sideways", "1", "1")


@pytest.mark.parametrize("sut", ["suite", "bare"])
@pytest.mark.parametrize(
    ("scenario", "rate", "key"),
    [
        ("SingleStream", "0.01", "us_per_query"),
        ("Offline", "100000", "samples_per_second"),
        ("Server", "1000", "samples_per_second"),
    ],
)
def test_the_harness_is_measured_under_real_loadgen(sut, scenario, rate, key):
    found = run_json("loadscope.tools.bench.null_session", sut, scenario, "0.3", rate)
    assert found[key] > 0
    assert json.dumps(found)
