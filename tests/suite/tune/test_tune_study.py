"""The search over points whose values are a formula; test_tune.py runs the real thing."""

import time

import pytest

from loadscope.errors import InputError, WorkError
from loadscope.names import Scenario
from loadscope.rundir.result import AccuracyRecord
from loadscope.rundir.spec import make_spec
from loadscope.scenarios.execution import Execution
from loadscope.suite.tune.space import Axis, defaults, points, search_space, settings
from loadscope.suite.tune.trial import TrialOutcome

ONE_GO = 0.0
"""No time for more than the least turns of the last choice, which test_tune_finals.py is about."""


def offline_space(**changes):
    given = {
        "scenario": Scenario.OFFLINE,
        "framework": "null",
        "cores": 8,
        "default": Execution(8, 8, 1),
        "max_batch": None,
        "options": {},
        "allow_numerics": False,
    }
    return search_space(**{**given, **changes})


class FormulaTrials:
    """Stands in for processes: eight cores, overhead a batch, a cache that holds 4 samples."""

    def __init__(self, fail_on=None):
        self.spec = make_spec({"model": "m", "framework": "null", "scenario": "Offline"}, "test")
        self.measured, self.again = [], []
        self.fail_on = fail_on

    def rate(self, found):
        batch, cores = found["batch_size"], found["workers"] * found["threads"]
        time = (2 + batch * (1 if batch <= 4 else 1.6)) / (2 if found["options"]["shortcut"] else 1)
        speed = min(cores, 8) * 0.85 ** (found["threads"] - 1)
        return speed * batch / time * 1000

    def measure(self, name, found, best):
        self.measured.append(found)
        if found["batch_size"] == self.fail_on:
            raise WorkError("out of memory", "")
        rate = self.rate(found)
        pruned = "slow" if best and rate < 0.85 * best.value else ""
        return TrialOutcome(rate, rate, 1.0, pruned, name)

    def look(self, name, found, expected):
        self.again.append(found)
        return TrialOutcome(self.rate(found), self.rate(found), 1.0, "", name)


@pytest.fixture
def study(tmp_path):
    pytest.importorskip("optuna")
    from loadscope.suite.tune.study import Study

    def make(trials, axes):
        lines: list[str] = []
        return Study("Offline", tmp_path / "study.db", axes, trials, lines.append), lines

    return make


def no_progress(what, done, total):
    pass


def test_options_that_make_no_difference_to_the_model_are_not_searched():
    def options(inputs):
        space = offline_space(framework="pytorch", inputs=inputs)
        return {axis.name for axis in space if axis.option}

    assert options("images") == {"channels_last", "fold_batch_norm", "compile"}
    assert options("texts") == {"onednn_linear", "compile"}


def test_the_space_holds_the_defaults_and_uses_the_cores():
    axes = {axis.name: axis for axis in offline_space()}
    assert axes["layout"].values[0] == "8x1"
    assert {"1x8", "2x4", "4x2", "12x1", "4x1"} <= set(axes["layout"].values)
    assert axes["batch_size"].values[0] == 8
    assert axes["shortcut"].option and "max_wait" not in axes
    assert [axis.name for axis in offline_space(max_batch=1, default=Execution(1, 8, 1))] == [
        "layout",
        "shortcut",
    ]


def test_a_point_becomes_settings():
    axes = offline_space(scenario=Scenario.SERVER, default=Execution(1, 8, 1))
    point = {**defaults(axes), "layout": "2x4", "shortcut": True}
    assert settings(point, axes) == {
        "workers": 2, "threads": 4, "instances": 1, "batch_size": 1, "max_wait": None,
        "options": {"shortcut": True},
    }  # fmt: skip


def test_instances_share_the_workers_of_a_layout_equally():
    axes = {axis.name: axis for axis in offline_space(instances=(2, 4))}
    apart = [value for value in axes["layout"].values if " in " in value]
    assert {"8x1 in 4", "8x1 in 2", "2x4 in 2"} <= set(apart)
    assert "2x4 in 4" not in apart and not any(value.startswith("1x8 in") for value in apart)
    point = {**defaults([axes["layout"]]), "layout": "8x1 in 4"}
    assert settings(point, [axes["layout"]]) == {
        "workers": 8, "threads": 1, "instances": 4, "options": {},
    }  # fmt: skip
    stream = offline_space(
        scenario=Scenario.SINGLE_STREAM, default=Execution(1, 1, 8), instances=(2,)
    )
    assert not any(" in " in value for value in stream[0].values)


def test_the_known_optimum_is_found_in_a_fraction_of_the_space(study):
    axes, trials = offline_space(), FormulaTrials()
    search, _ = study(trials, axes)
    search.search(3600, 30, no_progress)
    winner = search.winner(3600)
    best = max(trials.rate(settings(point, axes)) for point in points(axes))
    assert winner.value >= 0.97 * best
    assert winner.default == trials.rate(settings(defaults(axes), axes))
    assert len(trials.measured) == 30 < winner.size
    assert trials.measured[0] == settings(defaults(axes), axes)
    assert settings(defaults(axes), axes) in trials.again, "measured alike, for the gain"
    rest = [found for found in trials.again if found != settings(defaults(axes), axes)]
    assert len(rest) in (4, 8, 12), "each finalist as often as the least"
    assert trials.again == trials.again[: len(trials.again) // 4] * 4, "in turn"
    assert min(map(trials.rate, rest)) >= 0.85 * best, "one that is far behind cannot win"


class SlowTrials(FormulaTrials):
    """Each takes some time at least; a slower machine makes what is asked of them no harder."""

    seconds = 0.2

    def measure(self, name, found, best):
        time.sleep(self.seconds)
        return super().measure(name, found, best)


def test_no_trial_is_begun_that_would_end_after_the_budget(study):
    trials = SlowTrials()
    search, _ = study(trials, offline_space())
    search.search(2 * trials.seconds, None, no_progress)
    assert len(trials.measured) == 1, "a second would end late if it took as long"


def test_there_are_as_many_finalists_as_have_time_for_the_least_turns(study):
    def finalists(seconds):
        trials.again.clear()
        search.winner(seconds)
        return len({repr(found) for found in trials.again})

    class AlikeTrials(SlowTrials):
        def rate(self, found):
            return 100 + found["threads"]

    axes, trials = offline_space(), AlikeTrials()
    search, _ = study(trials, axes)
    search.search(3600, len(axes[0].values), no_progress)
    assert finalists(3600) == 4, "three and the defaults"
    assert finalists(3 * trials.seconds) == 2, "in half a second a turn, the best and the defaults"


def test_one_setting_after_the_other_is_changed_before_anything_is_left_to_chance(study):
    axes, trials = offline_space(), FormulaTrials()
    search, _ = study(trials, axes)
    layouts, batches = len(axes[0].values), len(axes[1].values)
    search.search(3600, layouts + batches - 1, no_progress)
    assert {one["batch_size"] for one in trials.measured[:layouts]} == {8}
    best = max(trials.measured[:layouts], key=trials.rate)
    rest = trials.measured[layouts:]
    assert {(one["workers"], one["threads"]) for one in rest} == {
        (best["workers"], best["threads"])
    }
    assert {one["batch_size"] for one in [best, *rest]} == set(axes[1].values)


def test_a_search_whose_defaults_failed_cannot_be_saved_by_resuming_it(study):
    axes = offline_space(max_batch=2, default=Execution(2, 8, 1))
    with pytest.raises(WorkError, match="out of memory"):
        study(FormulaTrials(fail_on=2), axes)[0].search(3600, None, no_progress)
    search, _ = study(FormulaTrials(), axes)
    search.search(3600, None, no_progress)
    assert len(search.records()) == len(list(points(axes)))


def test_a_study_goes_on_where_it_was(study):
    axes = offline_space(max_batch=2, default=Execution(2, 8, 1))
    first = FormulaTrials()
    study(first, axes)[0].search(3600, 5, no_progress)
    second = FormulaTrials()
    search, _ = study(second, axes)
    search.search(3600, None, no_progress)
    tried = [repr(one) for one in (*first.measured, *second.measured)]
    assert len(first.measured) == 5
    assert len(set(tried)) == len(tried) == search.winner(ONE_GO).size, "each point once"


def test_a_study_of_another_machine_is_not_resumed(study):
    study(FormulaTrials(), offline_space(cores=8))
    with pytest.raises(InputError, match="over other settings"):
        study(FormulaTrials(), offline_space(cores=16))


def test_a_killed_trial_is_tried_again(study):
    class Killed(FormulaTrials):
        def measure(self, name, found, best):
            if len(self.measured) == 2:
                raise KeyboardInterrupt
            return super().measure(name, found, best)

    axes = offline_space(max_batch=2, default=Execution(2, 8, 1))
    search, _ = study(Killed(), axes)
    with pytest.raises(KeyboardInterrupt):
        search.search(3600, None, no_progress)
    again, _ = study(FormulaTrials(), axes)
    again.search(3600, None, no_progress)
    assert len(again.records()) == len(list(points(axes)))


@pytest.mark.parametrize(
    ("better", "reference", "score", "chosen", "needed"),
    [
        ("higher", 90.0, 89.2, "bfloat16", ""),
        ("higher", 90.0, 89.0, "float32", "at least 89.1 % needed"),
        # A word error rate: lower is better, and there may be more errors than words.
        ("lower", 118.8, 119.9, "bfloat16", ""),
        ("lower", 118.8, 120.1, "float32", "at most 120 % needed"),
    ],
)
def test_options_that_change_numerics_must_keep_the_accuracy(
    study, better, reference, score, chosen, needed
):
    class Numerics(FormulaTrials):
        scored: list[str]

        def rate(self, found):
            return super().rate(found) * (2 if found["options"]["dtype"] == "bfloat16" else 1)

        def accuracy(self, name, found):
            self.scored.append(repr(found["options"]))
            value = score if found["options"]["dtype"] == "bfloat16" else reference
            return AccuracyRecord(metric="made", value=value, better=better)

    axes = offline_space(cores=2, max_batch=2, default=Execution(2, 2, 1))
    axes.append(Axis("dtype", ("float32", "bfloat16"), option=True, numerics=True))
    trials = Numerics()
    trials.scored = []
    search, lines = study(trials, axes)
    search.search(3600, None, no_progress)
    assert search.winner(ONE_GO).params["dtype"] == chosen
    assert len(set(trials.scored)) == len(trials.scored), "once for the same options"
    rejected = [record for record in search.records() if record["state"] == "rejected"]
    assert bool(rejected) is (chosen == "float32")
    assert any(bool(needed) and needed in line for line in lines) is bool(rejected)


def test_settings_that_fail_are_kept_with_the_reason_and_do_not_end_the_search(study):
    axes = offline_space(max_batch=4, default=Execution(4, 8, 1))
    search, lines = study(FormulaTrials(fail_on=2), axes)
    search.search(3600, None, no_progress)
    failed = [record for record in search.records() if record["state"] == "fail"]
    assert failed and {record["reason"] for record in failed} == {"out of memory"}
    assert any("out of memory" in line for line in lines)
    assert search.winner(ONE_GO).params["batch_size"] == 4


def test_defaults_that_fail_end_it(study):
    search, _ = study(FormulaTrials(fail_on=8), offline_space())
    with pytest.raises(WorkError, match="out of memory"):
        search.search(3600, None, no_progress)
