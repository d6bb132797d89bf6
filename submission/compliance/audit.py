"""``audit.config``: what makes LoadGen run a compliance test."""

from collections.abc import Mapping

_PERFORMANCE_ONLY = 2


def effective_key(key: str, scenario: str) -> str:
    """LoadGen's name in its log of a setting of an ``audit.config``."""
    if key == "min_duration":
        return "effective_min_duration_ms"
    if key == "min_query_count" and scenario == "Offline":
        # Of its one query, which has the samples of all.
        return "effective_min_sample_count"
    return f"effective_{key}"


def audit_config(settings: Mapping[str, int]) -> str:
    """The file's contents; LoadGen reads it for any model and any scenario.

    Args:
        settings: The round's settings of the test, by LoadGen key.
    """
    lines = {"mode": _PERFORMANCE_ONLY, **settings}
    return "".join(f"*.*.{key} = {value}\n" for key, value in lines.items())
