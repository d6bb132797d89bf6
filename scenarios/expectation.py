"""What LoadGen is told to expect of a scenario; calibration measures what it follows from."""

from dataclasses import dataclass

from loadscope.names import Scenario

_LATENCY_SHARE = 0.7
_RATE_SHARE = 1.1
_SERVER_SHARE = 0.5


@dataclass(frozen=True)
class CalibrationResult:
    """What was measured before the test.

    Attributes:
        key: The user.conf key that it sets (``target_latency`` in ms or ``target_qps``).
        value: The value to set.
        measured: The figure behind it, same unit.
        reason: How one follows from the other.
    """

    key: str
    value: float
    measured: float
    reason: str


def expectation(scenario: Scenario, measured: float) -> CalibrationResult:
    """What LoadGen is to be told to expect.

    Args:
        scenario: What will run.
        measured: The fastest query in ms where the callback answers, else samples a second.
    """
    if scenario.inline:
        return CalibrationResult(
            "target_latency",
            _three_digits(measured * _LATENCY_SHARE),
            measured,
            f"{_LATENCY_SHARE} of the fastest query, ms, so that enough queries are drawn up",
        )
    if scenario is Scenario.OFFLINE:
        return CalibrationResult(
            "target_qps",
            _three_digits(measured * _RATE_SHARE),
            measured,
            f"{_RATE_SHARE} of the measured rate, so that the query outlasts the minimum duration",
        )
    return CalibrationResult(
        "target_qps",
        _three_digits(measured * _SERVER_SHARE),
        measured,
        f"{_SERVER_SHARE} of the measured rate, to leave room for bunched arrivals",
    )


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
