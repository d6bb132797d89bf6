"""How many samples LoadGen has loaded at once, where no benchmark's rules say it."""

from pathlib import Path

from loadscope.names import Scenario
from loadscope.rundir.user_conf import UserConf
from loadscope.submission.rounds import Round

MOST_BYTES = 1 << 30
"""What the samples of a model that stands for no benchmark may take together. With what Python and
a framework need beside them it leaves a run within its model and 1.5 GB."""

_KEY = "performance_sample_count_override"


def prepared_bytes(prepared: Path) -> int:
    """The bytes of prepared samples on disk, of a file or all files of a folder."""
    if prepared.is_file():
        return prepared.stat().st_size
    return sum(path.stat().st_size for path in prepared.rglob("*") if path.is_file())


def bound_loaded(
    conf: UserConf, model: str, scenario: Scenario, samples: int, each: float, rules: Round
) -> UserConf:
    """Have LoadGen load only as many samples at once as memory is meant to hold.

    A benchmark's number is its rules', and one in the user.conf is the user's: both stand.

    Args:
        conf: The settings, from ``loadgen_settings``.
        model: LoadGen's key of the model.
        scenario: The scenario.
        samples: Samples in the data set.
        each: Bytes of a loaded sample, the mean.
        rules: The round.
    """
    if model in rules.benchmarks or conf.get(model, scenario, _KEY) is not None:
        return conf
    if samples * each <= MOST_BYTES:
        return conf
    # A query of MultiStream has different samples.
    least = rules.scenarios[scenario].samples_per_query or 1
    return conf.having(model, scenario, {_KEY: min(samples, max(least, int(MOST_BYTES / each)))})


def loaded_samples(conf: UserConf, model: str, scenario: Scenario, before: UserConf) -> int | None:
    """How many samples are loaded at once where ``bound_loaded`` bounded them; None if not."""
    if conf is before:
        return None
    count = conf.get(model, scenario, _KEY)
    return None if count is None else int(count)
