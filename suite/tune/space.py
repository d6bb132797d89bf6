"""What is searched: the settings that a scenario and a framework have, and their values."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadscope.names import Scenario
from loadscope.scenarios.execution import MULTI_STREAM_SAMPLES, Execution
from loadscope.sut.registry import backend_info

_OFFLINE_BATCHES = (1, 2, 4, 8, 16, 32)
_SERVER_BATCHES = (1, 2, 4, 8)
_WAITS_MS = (0.0, 1.0, 2.0, 5.0)

Params = dict[str, Any]
"""A point of the space: value by axis name."""


@dataclass(frozen=True)
class Axis:
    """A setting and its values, in order.

    Attributes:
        name: ``layout`` (workers x threads, ``2x1``, and ``2x1 in 2`` for two instances that
            share them), ``batch_size``, ``max_wait`` (ms, 0 for none), or the name of a
            backend's option.
        values: What it may be; the first is the default.
        option: Whether it is a backend's option.
        numerics: Whether accuracy must be measured for other values than the first.
    """

    name: str
    values: tuple[Any, ...]
    option: bool = False
    numerics: bool = False


def search_space(
    scenario: Scenario,
    framework: str,
    cores: int,
    default: Execution,
    max_batch: int | None,
    options: Params,
    allow_numerics: bool,
    instances: Sequence[int] = (),
    inputs: str = "images",
) -> list[Axis]:
    """The axes of a search; those with one value are left out.

    Args:
        scenario: The LoadGen scenario.
        framework: The backend's name.
        cores: Physical cores that may be used.
        default: The settings without tuning, which are part of the space.
        max_batch: The most samples that the model takes at once; None for any number.
        options: The backend's options without tuning.
        allow_numerics: Whether to search options that change what is computed.
        instances: Numbers of instances to search beside a single process; inline scenarios
            have none.
        inputs: What the model takes (``Task.inputs``); options that make no difference there
            are left out.
    """
    backend = backend_info(framework)
    batches: tuple[int, ...] = {
        Scenario.SINGLE_STREAM: (1,),
        Scenario.MULTI_STREAM: (1, 2, 4, MULTI_STREAM_SAMPLES),
        Scenario.OFFLINE: _OFFLINE_BATCHES,
        Scenario.SERVER: _SERVER_BATCHES,
    }[scenario]
    batches = tuple(size for size in batches if max_batch is None or size <= max_batch)
    axes = [
        _axis(
            "layout",
            _layout(default.workers, default.threads, default.instances),
            _layouts(scenario, cores, instances, backend.one_caller),
        ),
        _axis("batch_size", default.batch_size, batches),
    ]
    if scenario is Scenario.SERVER:
        axes.append(_axis("max_wait", default.max_wait_ms, _WAITS_MS))
    for tunable in backend.tunables:
        applies = tunable.inputs in (None, inputs)
        if applies and (allow_numerics or not tunable.numerics):
            first = options.get(tunable.name, tunable.values[0])
            axes.append(_axis(tunable.name, first, tunable.values, True, tunable.numerics))
    return [axis for axis in axes if len(axis.values) > 1]


def defaults(axes: list[Axis]) -> Params:
    """The point without tuning."""
    return {axis.name: axis.values[0] for axis in axes}


def points(axes: list[Axis]) -> Iterator[Params]:
    """All points of the space."""
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.name: value for axis, value in zip(axes, values, strict=True)}


def settings(params: Params, axes: list[Axis]) -> dict[str, Any]:
    """A point as settings of a ``RunSpec``; ``options`` has the backend's."""
    found: dict[str, Any] = {"options": {}}
    for axis in axes:
        value = params[axis.name]
        if axis.option:
            found["options"][axis.name] = value
        elif axis.name == "layout":
            split, _, instances = value.partition(" in ")
            workers, threads = map(int, split.split("x"))
            found |= {
                "workers": workers,
                "threads": threads,
                "instances": int(instances) if instances else 1,
            }
        elif axis.name == "max_wait":
            found["max_wait"] = value or None
        else:
            found[axis.name] = value
    return found


def _axis(
    name: str,
    first: Any,
    values: tuple[Any, ...],
    option: bool = False,
    numerics: bool = False,
) -> Axis:
    rest = tuple(value for value in values if value != first)
    return Axis(name, (first, *rest), option, numerics)


def _layouts(
    scenario: Scenario, cores: int, instances: Sequence[int], one_caller: bool
) -> tuple[str, ...]:
    """All cores in use, half of them, and one-thread workers to spare; then over instances.

    Where a process can have one worker only, all or half of the threads for that one.
    """
    counts = sorted({1, *(2**power for power in range(12) if 2**power < cores), cores})
    if scenario.inline:
        return tuple(_layout(1, threads) for threads in counts)
    if one_caller:
        alone = sorted({cores, max(1, cores // 2)}, reverse=True)
        return (
            *(_layout(1, threads) for threads in alone),
            *(_layout(number, max(1, cores // number), number) for number in instances),
        )
    full = {(max(1, cores // threads), threads) for threads in counts}
    spare = {(cores + max(1, cores // 2), 1), (max(1, cores // 2), 1)}
    together = [_layout(*split) for split in sorted(full | spare)]
    apart = [
        _layout(workers, threads, number)
        for number in instances
        for workers, threads in sorted(full)
        if workers % number == 0
    ]
    return (*together, *apart)


def _layout(workers: int, threads: int, instances: int = 1) -> str:
    return f"{workers}x{threads}" + (f" in {instances}" if instances > 1 else "")
