"""LoadGen's ``user.conf``: read strictly, merged, and written.

LoadGen itself ignores a key that it does not know and a seed that it may not take from
here; both are errors in this reader, so that no setting is lost without a word.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError
from loadscope.names import Scenario

ANY_MODEL = "*"
"""LoadGen's key of its general settings, for a model that stands for no benchmark."""

KEYS = frozenset(
    {
        "target_qps",
        "target_latency",
        "target_latency_percentile",
        "samples_per_query",
        "min_duration",
        "max_duration",
        "min_query_count",
        "max_query_count",
        "performance_sample_count_override",
        "coalesce_queries",
        "max_async_queries",
        "use_token_latencies",
        "ttft_latency",
        "tpot_latency",
    }
)
"""What LoadGen 6 takes from a user.conf and this suite lets through."""

_FORBIDDEN = {
    "mode": "the mode is chosen with --mode",
    "qsl_rng_seed": "seeds come from LoadGen's own mlperf.conf",
    "sample_index_rng_seed": "seeds come from LoadGen's own mlperf.conf",
    "schedule_rng_seed": "seeds come from LoadGen's own mlperf.conf",
    "accuracy_sample_count_override": "an accuracy run covers the whole data set; use --count",
    "performance_issue_unique": "only a compliance test sets it",
    "performance_issue_same": "only a compliance test sets it",
    "performance_issue_same_index": "only a compliance test sets it",
    "accuracy_log_rng_seed": "only a compliance test sets it",
    "accuracy_log_sampling_target": "only a compliance test sets it",
}

_INTEGERS = KEYS - {"target_qps", "target_latency", "target_latency_percentile"}


@dataclass(frozen=True)
class Setting:
    """One line: ``model.scenario.key = value``, where model and scenario may be ``*``."""

    model: str
    scenario: str
    key: str
    value: float

    def line(self) -> str:
        """The line as LoadGen parses it: blanks around ``=``, no exponent."""
        number = int(self.value) if self.key in _INTEGERS else self.value
        text = f"{number:.9f}".rstrip("0").rstrip(".") if isinstance(number, float) else number
        return f"{self.model}.{self.scenario}.{self.key} = {text}"


@dataclass(frozen=True)
class UserConf:
    """The settings of a user.conf, in order; of equal keys the last one holds."""

    settings: tuple[Setting, ...] = ()

    @classmethod
    def read(cls, path: Path, models: Iterable[str]) -> "UserConf":
        """Read a file.

        Args:
            path: The user.conf.
            models: LoadGen model keys that may stand before the first dot, beside ``*``.

        Raises:
            InputError: Unreadable, or a line that LoadGen would misread or ignore.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise InputError(f"{path}: {reason}", "give a readable user.conf") from error
        known = {ANY_MODEL, *models}
        settings = []
        for number, line in enumerate(text.splitlines(), start=1):
            content = line.split("#", 1)[0].strip()
            if content:
                settings.append(_parse(content, f"{path}:{number}", known))
        return cls(tuple(settings))

    def get(self, model: str, scenario: Scenario, key: str) -> float | None:
        """The value in force for a model and scenario, by LoadGen's order of precedence.

        Source: ``lookupkv`` in LoadGen's test_settings_internal.cc: model.scenario, then
        ``*``.scenario, then model.``*``, then ``*.*``.
        """
        found = {(item.model, item.scenario, item.key): item.value for item in self.settings}
        for place in (
            (model, scenario),
            (ANY_MODEL, scenario),
            (model, "*"),
            (ANY_MODEL, "*"),
        ):
            if (*place, key) in found:
                return found[(*place, key)]
        return None

    def having(self, model: str, scenario: Scenario, values: dict[str, float]) -> "UserConf":
        """A copy in which ``values`` (by key) hold for a model and scenario."""
        replaced = {(model, str(scenario), key) for key in values}
        kept = [
            item for item in self.settings if (item.model, item.scenario, item.key) not in replaced
        ]
        new = [Setting(model, str(scenario), key, value) for key, value in values.items()]
        return UserConf((*kept, *new))

    def text(self) -> str:
        """The file's contents."""
        return "".join(f"{item.line()}\n" for item in self.settings)


def _parse(content: str, where: str, models: set[str]) -> Setting:
    name, equals, value = content.partition("=")
    parts = name.strip().split(".")
    if not equals or len(parts) != 3:
        raise InputError(
            f"{where}: '{content}' is not 'model.scenario.key = value'",
            "for example: *.Offline.target_qps = 100",
        )
    model, scenario, key = parts
    if model not in models:
        raise InputError(
            f"{where}: '{model}' is not the LoadGen key of this model; LoadGen would ignore it",
            f"use one of: {', '.join(sorted(models))}",
        )
    if scenario != "*" and scenario not in set(Scenario):
        raise InputError(
            f"{where}: unknown scenario '{scenario}'", f"use * or one of: {', '.join(Scenario)}"
        )
    if key in _FORBIDDEN:
        raise InputError(f"{where}: {key} cannot be set here: {_FORBIDDEN[key]}", "remove the line")
    if key not in KEYS:
        raise InputError(
            f"{where}: unknown key '{key}'; LoadGen would ignore it",
            f"use one of: {', '.join(sorted(KEYS))}",
        )
    return Setting(model, scenario, key, _number(value.strip(), key, where))


def _number(text: str, key: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {key} = '{text}' is not a number", "write a number") from None
    if not 0 <= value < float("inf"):
        raise InputError(f"{where}: {key} = {text} is out of range", "write a number from 0 up")
    if key in _INTEGERS and value != int(value):
        raise InputError(f"{where}: {key} = {text} is not a whole number", "write a whole number")
    return value
