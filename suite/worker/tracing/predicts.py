"""Events of a trace reduced to its predicts: what they took, and what their layers took of it.

All figures of layers in a report, a summary or a comparison come from here. Times are medians
over the predicts. What the layers cover is the median of the predicts, each by itself: where
something disturbs every predict at another layer, the medians of layers add up to far less than
that. Shares divide what is covered among the layers by their median times, so that they add up.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadscope.suite.worker.tracing.coverage import Rest, median_rest, rest_of
from loadscope.suite.worker.tracing.events import Event, Header
from loadscope.suite.worker.tracing.layers import Layer, Shape

_Key = tuple[tuple[str, int], ...]
"""A layer's name behind those of the layers around it. At the top a name may come several times
in a predict, each with a number; in a body, which may be a loop's, it is one layer."""


@dataclass(frozen=True)
class Predicts:
    """The predicts of a trace that have the commonest number of samples.

    Attributes:
        samples: That number.
        predicts: How many predicts those are, of those with layers where some have none.
        other_predicts: How many were of another size, and are left out.
        predict_ns: Their times.
        layers: In the order of execution, a body behind the layer that runs it.
        coverage: The time of the layers at the top ÷ that of their predict, median; bodies are
            within them. None without layers, above 1 where layers run at the same time.
        rest: Where the time is that no layer covers; None without layers.
        counters: Hardware counters a predict, median.
        phases_ns: Median time of preprocess, predict, postprocess and session.
        step: Of generated answers which step: ``encoder``, ``prompts``, ``tokens``; empty where
            samples are answered whole.
        plain_ns: Times of predicts of the same step and size that ran without a tracer.
    """

    samples: int
    predicts: int
    other_predicts: int
    predict_ns: tuple[int, ...]
    layers: tuple[Layer, ...]
    coverage: float | None
    rest: Rest | None
    counters: Mapping[str, float]
    phases_ns: Mapping[str, float]
    step: str = field(default="", kw_only=True)
    plain_ns: tuple[int, ...] = field(default=(), kw_only=True)

    @property
    def median_predict_ns(self) -> float:
        """Median time of a predict; 0 when there is none."""
        return statistics.median(self.predict_ns) if self.predict_ns else 0.0

    @property
    def median_plain_ns(self) -> float | None:
        """Median time of a predict without a tracer; None where all had one."""
        return statistics.median(self.plain_ns) if self.plain_ns else None

    def per_token_ns(self, layer: Layer) -> float:
        """What a layer takes of a token's time, where each sample of a step gains one."""
        return layer.predict_ns / self.samples


def steps_of(events: Iterable[Event]) -> list[str]:
    """The kinds of steps in a trace, the commonest first; one empty one where there are none."""
    found = Counter(_step(event) for event in events if event.kind == "batch")
    return [step for step, _ in found.most_common()] or [""]


def _step(batch: Event) -> str:
    return str(batch.attributes.get("step", ""))


def reduce_predicts(header: Header, events: Iterable[Event], step: str | None = None) -> Predicts:
    """Reduce a trace.

    Args:
        header: Of the trace.
        events: As in the file, each behind its parent.
        step: Which steps; the commonest where none is given.
    """
    batches: dict[int, tuple[str, int]] = {}
    phases: dict[int, Event] = {}
    layers: dict[int, Event] = {}
    primitives: list[tuple[int, str]] = []
    counters: dict[int, dict[str, Any]] = {}
    for event in events:
        match event.kind:
            case "batch":
                samples = int(event.attributes.get("samples", header.batch_size))
                batches[event.id] = _step(event), samples
            case "preprocess" | "predict" | "postprocess" | "session":
                phases[event.id] = event
            case "layer":
                layers[event.id] = event
            case "primitive":
                implementation = event.attributes.get("implementation")
                primitives.append((event.parent, str(implementation or event.name)))
            case "counters":
                counters[event.parent] = event.attributes
    if step is None:
        step = Counter(of for of, _ in batches.values()).most_common(1)[0][0] if batches else ""
    whole = {
        number: one
        for number, one in phases.items()
        if one.kind == "predict" and batches.get(one.parent, (step, 0))[0] == step
    }
    sizes = Counter(batches[one.parent][1] for one in whole.values() if one.parent in batches)
    samples = sizes.most_common(1)[0][0] if sizes else header.batch_size
    same = {
        number: one
        for number, one in whole.items()
        if batches.get(one.parent, (step, samples))[1] == samples
    }
    called = {one.parent for one in phases.values() if one.kind == "session"}
    # What ran without the tracer tells nothing of layers; where nothing did, all count.
    chosen = {number: one for number, one in same.items() if number in called} or same
    sessions = {one.id: one for one in phases.values() if one.parent in chosen}
    inside: dict[int, list[Event]] = defaultdict(list)
    for layer in layers.values():
        around = layer
        while around.parent in layers:
            around = layers[around.parent]
        if around.parent in sessions:
            inside[around.parent].append(layer)
    found = _Layers(counters)
    for session, some in inside.items():
        found.take(chosen[sessions[session].parent], some)
    for number, name in primitives:
        found.use(number, name)
    covered = [
        sum(layer.duration_ns for layer in some if layer.parent == number) / whole_ns
        for number, some in inside.items()
        if (whole_ns := chosen[sessions[number].parent].duration_ns)
    ]
    coverage = statistics.median(covered) if covered else None
    return Predicts(
        samples=samples,
        predicts=len(chosen),
        other_predicts=len(whole) - len(same),
        predict_ns=tuple(one.duration_ns for one in chosen.values()),
        layers=tuple(found.layers(len(chosen), coverage or 0.0)),
        coverage=coverage,
        rest=median_rest(
            [
                rest_of(
                    chosen[sessions[number].parent],
                    sessions[number],
                    [layer for layer in some if layer.parent == number],
                )
                for number, some in inside.items()
            ]
        ),
        counters=_medians(counters.get(number, {}) for number in chosen),
        phases_ns=_phase_times(phases.values(), chosen),
        step=step,
        plain_ns=tuple(one.duration_ns for number, one in same.items() if number not in chosen),
    )


@dataclass
class _Seen:
    """All that was seen of one layer; one entry a predict, but ``attributes`` of the first."""

    attributes: Mapping[str, Any]
    starts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    flops: list[int] = field(default_factory=list)
    primitives: Counter[str] = field(default_factory=Counter)
    counters: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class _Layers:
    """Gathers layers predict by predict."""

    def __init__(self, counters: Mapping[int, Mapping[str, Any]]) -> None:
        self._counters = counters
        self._seen: dict[_Key, _Seen] = {}
        self._keys: dict[int, _Key] = {}
        self._ranks: dict[_Key, tuple[int, int]] = {}

    def take(self, predict: Event, layers: Iterable[Event]) -> None:
        """Take the layers of one predict, each behind the layer around it."""
        runs: dict[_Key, list[Event]] = defaultdict(list)
        bodies: Counter[_Key] = Counter()
        siblings: Counter[_Key] = Counter()
        names: Counter[str] = Counter()
        for event in layers:
            around = self._keys.get(event.parent, ())
            key = (*around, (event.name, 0 if around else names[event.name]))
            self._keys[event.id] = key
            if around:
                bodies[around] += event.duration_ns
            else:
                names[event.name] += 1
            if key not in runs:
                first = (siblings[around], len(self._ranks))
                self._ranks[key] = min(self._ranks.get(key, first), first)
                siblings[around] += 1
            runs[key].append(event)
        for key, some in runs.items():
            self._add(self._seen.setdefault(key, _Seen(some[0].attributes)), predict, some)
            self._seen[key].bodies.append(bodies[key])

    def _add(self, seen: _Seen, predict: Event, some: list[Event]) -> None:
        seen.starts.append(some[0].start_ns - predict.start_ns)
        seen.durations.append(sum(one.duration_ns for one in some))
        seen.calls.append(len(some))
        for name, values in (("bytes", seen.bytes), ("flops", seen.flops)):
            known = [one.attributes[name] for one in some if one.attributes.get(name) is not None]
            if known:
                values.append(sum(known))
        counted = defaultdict[str, float](int)
        for one in some:
            for name, value in _numbers(self._counters.get(one.id, {})):
                counted[name] += value
        for name, count in counted.items():
            seen.counters[name].append(count)

    def use(self, layer: int, primitive: str) -> None:
        """Note that a layer used a primitive of the library below it."""
        if layer in self._keys:
            self._seen[self._keys[layer]].primitives[primitive] += 1

    def layers(self, predicts: int, coverage: float) -> Iterator[Layer]:
        """The layers in the order of execution, of so many predicts that they cover so much of."""

        def place(key: _Key) -> list[tuple[int, int]]:
            return [self._ranks[key[: depth + 1]] for depth in range(len(key))]

        order = {key: index for index, key in enumerate(sorted(self._seen, key=place))}
        own_ns, often = {}, {}
        for key, seen in self._seen.items():
            # What is cut off to whole units may seem to last longer than what is around it.
            own = [max(0, a - b) for a, b in zip(seen.durations, seen.bodies, strict=True)]
            own_ns[key] = statistics.median(own)
            often[key] = len(own) / predicts
        whole = sum(own_ns[key] * often[key] for key in order) or 1
        shares = defaultdict[_Key, float](float)
        for key in order:
            for depth in range(len(key)):
                shares[key[: depth + 1]] += coverage * own_ns[key] * often[key] / whole
        for key, index in order.items():
            seen = self._seen[key]
            facts = seen.attributes
            name = key[-1][0]
            duration = statistics.median(seen.durations)
            low, high = duration, duration
            if len(seen.durations) > 1:
                low, _, high = statistics.quantiles(seen.durations, n=4, method="inclusive")
            yield Layer(
                index=index,
                name=name,
                type=str(facts.get("type") or "unknown"),
                start_ns=statistics.median(seen.starts),
                duration_ns=duration,
                share=shares[key],
                low_ns=low,
                high_ns=high,
                predicts=len(seen.durations),
                input_shapes=_shapes(facts.get("input_shapes")),
                output_shapes=_shapes(facts.get("output_shapes")),
                dtype=facts.get("dtype"),
                bytes=round(statistics.median(seen.bytes)) if seen.bytes else None,
                flops=round(statistics.median(seen.flops)) if seen.flops else None,
                constituents=tuple(facts.get("constituents") or (name,)),
                primitives=tuple(one for one, _ in seen.primitives.most_common()),
                counters={one: statistics.median(some) for one, some in seen.counters.items()},
                parent=order.get(key[:-1]),
                within=tuple(around for around, _ in key[:-1]),
                body_ns=duration - own_ns[key],
                body_share=shares[key] - coverage * own_ns[key] * often[key] / whole,
                often=often[key],
                calls=statistics.median(seen.calls),
            )


def _shapes(value: Any) -> tuple[Shape, ...]:
    return tuple(tuple(int(size) for size in shape) for shape in value or () if shape is not None)


def _phase_times(phases: Iterable[Event], chosen: Mapping[int, Event]) -> dict[str, float]:
    batches = {event.parent for event in chosen.values()}
    times: dict[str, list[int]] = {}
    for event in phases:
        if event.parent in batches or event.parent in chosen:
            times.setdefault(event.kind, []).append(event.duration_ns)
    return {kind: statistics.median(some) for kind, some in times.items()}


def _numbers(attributes: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [
        (name, value)
        for name, value in attributes.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _medians(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in _numbers(row):
            columns.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in columns.items()}
