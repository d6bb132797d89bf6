"""A backend's ``BackendInfo`` as plain values, for tables and JSON."""

from collections.abc import Mapping
from typing import Any

from loadscope.names import DEFAULT_NUMERICS
from loadscope.sut.info import BackendInfo
from loadscope.sut.ran import ran


def description(info: BackendInfo) -> dict[str, Any]:
    """All that can be said of a framework without importing it, whatever is installed.

    Returns:
        JSON values. ``trace_levels`` has by level the lowest and the highest measured ratio of
        predict times to those without tracing, or None where it was not measured. ``ran`` is a
        ``Ran``, or None.
    """
    tool, found = info.quantizer, ran(info)
    return {
        "name": info.name,
        "title": info.title,
        "install": info.install,
        "formats": list(info.formats),
        "files": {format: list(ends) for format, ends in info.files.items()},
        "devices": list(info.devices),
        "numerics": numerics(info),
        "options": {
            name: list(option.choices) or option.kind.__name__
            for name, option in info.options.items()
        },
        "trace_levels": {
            level: list(cost) if (cost := info.overheads.get(level)) else None
            for level in info.trace_levels
        },
        "tasks": list(info.tasks),
        "ran": found and found.model_dump(mode="json"),
        "quantizer": tool and {"tool": tool.tool, "install": tool.install},
        "one_caller": info.one_caller,
        "each_shape": info.each_shape,
        "notes": list(info.notes),
    }


def state(info: BackendInfo) -> dict[str, Any]:
    """What of a framework is on this machine: ``installed``, and ``version`` where it is known."""
    installed = info.installed()
    return {"installed": installed, "version": info.version() if installed else None}


def numerics(info: BackendInfo) -> list[str]:
    """What numbers a model can be made to compute with: the usual, by options, by quantising."""
    by_options = (name for option in info.options.values() for name in option.numerics.values())
    return list(dict.fromkeys((DEFAULT_NUMERICS, *by_options, *["int8"] * bool(info.quantizer))))


def levels_text(levels: Mapping[str, list[float] | None]) -> str:
    """Trace levels in a line, with what each costs where that was measured."""
    return ", ".join(
        level if cost is None else f"{level} ({cost[0]:.2f} to {cost[1]:.2f})"
        for level, cost in levels.items()
    )
