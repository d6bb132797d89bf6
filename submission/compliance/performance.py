"""TEST01 and TEST04: whether a compliance test was as fast as it may be.

Both rules, and the names of the metrics, are those of the official ``verify_performance.py``.
"""

import math
from dataclasses import dataclass

from loadscope.rundir.detail_log import DetailLog

_METRIC = {
    "SingleStream": "early_stopping_latency_ss",
    "MultiStream": "early_stopping_latency_ms",
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
}
_TOLERANCE, _SHORT_TOLERANCE = 0.10, 0.20
# Below these the operating system's disturbances weigh more, so that 20 % is allowed. TEST01
# compares latencies with them, nanoseconds; TEST04 queries a second, which keeps nearly every
# system below.
_SHORT = {"SingleStream": 200_000.0, "MultiStream": 1_600_000.0}


@dataclass(frozen=True)
class Judgement:
    """How fast the test was, and how fast it may be.

    Attributes:
        reference: The performance test's score: nanoseconds, queries or samples a second.
        score: The compliance test's.
        bounds: Least and most that the score may be.
        obstacle: What keeps the two from being compared; empty if nothing.
        labels: The official names of the two scores in ``verify_performance.txt``.
    """

    reference: float
    score: float
    bounds: tuple[float, float]
    obstacle: str
    labels: tuple[str, str]

    @property
    def passed(self) -> bool:
        """Whether the score is within its bounds."""
        return not self.obstacle and self.bounds[0] <= self.score <= self.bounds[1]

    @property
    def reason(self) -> str:
        """Why it failed; empty if it did not."""
        if self.passed:
            return ""
        if self.obstacle:
            return self.obstacle
        least, most = self.bounds
        wanted = f"{least:.6g} to {most:.6g}" if least else f"less than {most:.6g}"
        change = 100 * (self.score / self.reference - 1) if self.reference else float("inf")
        return (
            f"score {self.score:.6g} against {self.reference:.6g} ({change:+.1f} %), "
            f"expected {wanted}"
        )

    def text(self) -> str:
        """The contents of ``verify_performance.txt``."""
        verdict = "TEST PASS" if self.passed else f"TEST FAIL: {self.reason}"
        reference, score = self.labels
        return f"{reference} = {self.reference}\n{score} = {self.score}\n{verdict}\n"


def tolerance(scenario: str, score: float) -> float:
    """How far, as a part of ``score``, a compliance test may be from it.

    Args:
        scenario: A LoadGen scenario.
        score: The performance test's, in TEST01 as LoadGen logs it, in TEST04 as throughput.
    """
    return _SHORT_TOLERANCE if score <= _SHORT.get(scenario, 0.0) else _TOLERANCE


def judge_test01(reference: DetailLog, test: DetailLog) -> Judgement:
    """Sampling the answers must not change the speed: within 10 %, short latencies 20 %."""
    scenario, before, now = _scores(reference, test)
    near = tolerance(scenario, before)
    bounds = (before * (1 - near), before * (1 + near))
    labels = ("Reference score", "Test score")
    return Judgement(before, now, bounds, _obstacle(reference, test), labels)


def judge_test04(reference: DetailLog, test: DetailLog) -> Judgement:
    """Answering one sample again and again must not be much faster, or answers are cached."""
    scenario, before, now = _scores(reference, test)
    if scenario in _SHORT:
        before, now = (1e9 / latency if latency else 0.0 for latency in (before, now))
    most = before * (1 + tolerance(scenario, before))
    labels = ("reference score", "test score")
    below = math.nextafter(most, 0.0)
    return Judgement(before, now, (0.0, below), _obstacle(reference, test), labels)


def _scores(reference: DetailLog, test: DetailLog) -> tuple[str, float, float]:
    scenario = str(reference.values.get("effective_scenario"))
    key = _METRIC.get(scenario, "")
    return scenario, reference.number(key) or 0.0, test.number(key) or 0.0


def _obstacle(reference: DetailLog, test: DetailLog) -> str:
    for name, log in (("performance", reference), ("compliance", test)):
        validity = log.values.get("result_validity")
        if validity != "VALID":
            return f"the {name} test is {validity or 'without a result'}"
    scenarios = [log.values.get("effective_scenario") for log in (reference, test)]
    if scenarios[0] not in tuple(_METRIC) or scenarios[0] != scenarios[1]:
        return f"the scenario of the compliance test is {scenarios[1]} instead of {scenarios[0]}"
    key = "effective_target_latency_ns"
    before, now = (log.values.get(key) for log in (reference, test))
    if reference.values.get("effective_scenario") == "Server" and before != now:
        return f"{key} is {now} instead of {before}"
    return ""
