"""``audit.config``: what makes LoadGen run a compliance test."""

from collections.abc import Mapping

_PERFORMANCE_ONLY = 2


def audit_config(settings: Mapping[str, int]) -> str:
    """The file's contents; LoadGen reads it for any model and any scenario.

    Args:
        settings: The round's settings of the test, by LoadGen key.
    """
    lines = {"mode": _PERFORMANCE_ONLY, **settings}
    return "".join(f"*.*.{key} = {value}\n" for key, value in lines.items())
