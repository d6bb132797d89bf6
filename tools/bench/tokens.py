"""Rows for generated answers: running batches beside a loop that answers batch by batch.

The bare loop is what one writes first: a batch of prompts, and steps until its longest answer is
complete, with the short ones kept in it. Both use the same decoder with a KV cache; prompts and
answers vary by four in length.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from loadscope.datasets.generation import Generation
from loadscope.paths import cache_root
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Steps
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import open_backend
from loadscope.tools.bench.pairs import alternate, run_json

FRAMEWORK = "onnxruntime"
MODELS = {"llama-tiny": 5, "llama-small": 1}
"""How many pairs are measured of each for one that is asked for. A step of the first costs little
more than the call, so that all that is added to it is seen, and a pair takes a second or two; a
step of the other has work to do, and a pair takes half a minute."""
RATE_LEAST, FIRST_MOST = 1.3, 1.05
_BATCH, _SAMPLES, _SHORTEST, _TIMES = 8, 192, 16, 4
"""Samples so many that the end, when nothing more joins, is a small part of the whole, as it is of
LoadGen's thousands."""
_FIRSTS = 30


def token_rows(pairs: int) -> Iterator[dict[str, Any]]:
    """Measure tokens a second in Offline, and the time to a lone query's first token."""
    for model in MODELS:
        yield from _rows_of(model, pairs)


def _rows_of(model: str, pairs: int) -> Iterator[dict[str, Any]]:
    names = {"framework": FRAMEWORK, "model": model}
    rate = run_json("loadscope.tools.bench.tokens", "rate", model, str(pairs))
    yield {
        **names, "scenario": "Offline", "what": "tokens, lengths that vary by four",
        "unit": "tokens/s",
        **rate, "target": f"ratio at least {RATE_LEAST}", "met": rate["ratio"] >= RATE_LEAST,
    }  # fmt: skip
    first = run_json("loadscope.tools.bench.tokens", "first", model, str(pairs))
    yield {
        **names, "scenario": "Server", "what": "time to a lone query's first token", "unit": "ms",
        **first, "target": f"ratio at most {FIRST_MOST}", "met": first["ratio"] <= FIRST_MOST,
    }  # fmt: skip


def main() -> None:
    """Measure both sides in turn in this process: ``rate`` or ``first``, a model, and pairs."""
    what, model, pairs = sys.argv[1:]
    made = materialise(model, Catalogue.load().get(model), FRAMEWORK, cache_root(), lambda *_: None)
    backend = open_backend(FRAMEWORK)
    backend.load(made.artifact.of_decoder(), 1)
    steps = Steps(made.artifact, backend.predict)
    suite, bare = {
        "rate": (_running, _batch_by_batch), "first": (_first_of_suite, _first_bare),
    }[what]  # fmt: skip
    for side in (suite, bare):
        side(steps)
    found = alternate(int(pairs) * MODELS[model], lambda: suite(steps), lambda: bare(steps))
    print(json.dumps(found))


def _sequences() -> list[Sequence]:
    draw = np.random.default_rng(1715)
    lengths = draw.integers(_SHORTEST, _TIMES * _SHORTEST + 1, (_SAMPLES, 2))
    return [
        Sequence(0, index, draw.integers(0, 256, 2 * prompt), int(limit))
        for index, (prompt, limit) in enumerate(lengths)
    ]


def _running(steps: Steps) -> float:
    """Tokens a second with batches that samples join and leave, as ``TokenDriver`` fills them."""
    given = _sequences()
    waiting = deque(given)
    batch = RunningBatch(steps, Generation((), _TIMES * _SHORTEST), _BATCH)
    start = time.perf_counter()
    while waiting or batch.sequences:
        joining: list[Sequence] = []
        while waiting and batch.fits(waiting[0], joining):
            joining.append(waiting.popleft())
        if joining:
            batch.join(joining)
        if batch.sequences:
            batch.step()
    return sum(len(one.tokens) for one in given) / (time.perf_counter() - start)


def _batch_by_batch(steps: Steps) -> float:
    """Tokens a second with batches that run until their longest answer is complete."""
    given = _sequences()
    start = time.perf_counter()
    for at in range(0, len(given), _BATCH):
        group = given[at : at + _BATCH]
        stepped = steps.first([one.prompt for one in group], {})
        lengths = [len(one.prompt) for one in group]
        for _ in range(max(one.limit for one in group) - 1):
            tokens = stepped.logits.argmax(axis=1).tolist()
            stepped = steps.next(tokens, lengths, stepped.grown, stepped.kept, {})
            lengths = [length + 1 for length in lengths]
    return sum(one.limit for one in given) / (time.perf_counter() - start)


def _first_of_suite(steps: Steps) -> float:
    """Milliseconds until a lone sequence has its first token in a running batch, the median."""
    times = []
    for one in _sequences()[:_FIRSTS]:
        start = time.perf_counter()
        batch = RunningBatch(steps, Generation((), _TIMES * _SHORTEST), _BATCH)
        if batch.fits(one, []):
            batch.join([one])
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def _first_bare(steps: Steps) -> float:
    """Milliseconds of one step of a prompt, the median."""
    times = []
    for one in _sequences()[:_FIRSTS]:
        start = time.perf_counter()
        steps.first([one.prompt], {}).logits.argmax(axis=1).tolist()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


if __name__ == "__main__":
    main()
