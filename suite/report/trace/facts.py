"""What the terminal and the page say about a trace beside its layers."""

from collections.abc import Iterator

from loadscope.quantities import amount, duration, number
from loadscope.scenarios.tokens.tracing import TOKENS
from loadscope.suite.trace.view import TraceView

NOT_A_RESULT = "A traced run is no performance result: tracing takes time of its own."
_COUNTER_UNITS = {"task-clock": "ns", "energy_uj": "µJ"}


def summary(view: TraceView) -> Iterator[tuple[str, str]]:
    """Yield rows of a name and its value: what was traced, and how much of it layers explain."""
    header = view.header
    version = view.run.versions.get(header.framework)
    yield "framework", f"{header.framework} {version}" if version else header.framework
    threads = f"{header.threads} thread{'' if header.threads == 1 else 's'}"
    yield "scenario", f"{header.scenario}, {threads}, {header.workers} worker(s)"
    left = f"; {view.other_predicts} of other sizes left out" if view.other_predicts else ""
    what = f"{view.step}, " if view.step else ""
    yield "predicts", f"{what}{view.predicts} of {view.samples} sample(s){left}"
    if view.median_plain_ns is not None:
        plain = f"{duration(view.median_plain_ns)} ({len(view.plain_ns):,} more)"
        yield "without tracing, median", plain
    for kind in ("preprocess", "predict", "session", "postprocess"):
        if kind in view.phases_ns:
            yield f"{kind}, median", duration(view.phases_ns[kind])
    flops = sum((layer.flops or 0) * layer.often for layer in view.layers)
    if flops and view.median_predict_ns:
        rate = amount(flops / view.median_predict_ns * 1e9, "FLOP/s")
        each = amount(flops / max(view.samples, 1), "FLOP")
        yield "FLOPs", f"{amount(flops, 'FLOP')} a predict, {each} a sample, {rate}"
    if view.step == TOKENS and view.median_predict_ns:
        untraced = view.median_plain_ns or view.median_predict_ns
        yield "a token, median", duration(untraced / view.samples)
    if view.coverage is not None:
        inside = sum(layer.parent is not None for layer in view.layers)
        body = f"; {inside} of them in the bodies of others, counted once" if inside else ""
        yield "layers", f"{len(view.layers)}, {100 * view.coverage:.1f} % of predict{body}"
    if view.rest and (text := view.rest.text(view.coverage or 0)):
        yield "no layer", text
    if view.warnings:
        yield "noisy", f"{'; '.join(view.warnings)}: repeat the trace on an idle machine"
    if view.counters:
        yield "counters a predict", "; ".join(_counter(*one) for one in view.counters.items())


def overheads(view: TraceView) -> Iterator[tuple[str, str]]:
    """Yield each level and its cost, where it was measured."""
    if view.overhead is not None:
        for level, ratio in view.overhead.ratio.items():
            yield level, f"{ratio:.3f} times the time without tracing"


def spans(view: TraceView) -> Iterator[tuple[str, str]]:
    """Yield the account of spans: made by kind, and what each target of an export took."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in view.spans.items())
    yield "made", f"{sum(view.spans.values()):,} ({kinds})"
    if view.export is None:
        yield "exported", "not yet"
        return
    for target in view.export.get("targets", []):
        text = f"{target['exported']:,} {target['unit']} exported, {target['dropped']:,} dropped"
        if target["problem"]:
            text += f": {target['problem']}"
        yield target["target"], text


def _counter(name: str, value: float) -> str:
    unit = _COUNTER_UNITS.get(name, "")
    text = duration(value) if unit == "ns" else f"{number(value)} {unit}".rstrip()
    return f"{name} {text}"
