"""Steps of encoder and decoder as they are noted, and which of them a tracer runs."""

import numpy as np
import pytest
from tests.scenarios.test_tokens import Library, pipeline, prompts
from tests.scenarios.token_models import END, answer, loaded, sum_decoder, sum_encoder_decoder

from loadscope.datasets.generation import Generation
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.steps import Steps
from loadscope.scenarios.tokens.thinning import Thinning
from loadscope.scenarios.tokens.tracing import TRACED_STEPS, TracedTokenPipeline
from loadscope.sut.tracing.calls import CallTracer


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 100, 5000])
def test_what_is_kept_is_spread_evenly_and_bounded(steps: int) -> None:
    thinning = Thinning(8)
    taken = [number for number, taken in (thinning.take() for _ in range(steps)) if taken]
    kept = [number for number in taken if thinning.kept(number)]
    assert kept == list(range(0, steps, thinning.stride)) and len(kept) <= 8
    # Each time the stride doubles, half of what may be kept is taken anew.
    assert len(taken) <= 8 + 4 * np.log2(max(1, thinning.stride))
    if steps <= 8:
        assert taken == list(range(steps))


def test_all_steps_are_noted_and_the_tracer_runs_some(tmp_path) -> None:
    artifact = sum_decoder(tmp_path)
    backend = loaded(artifact.of_decoder())
    given = prompts(40)
    plain = pipeline(Steps(artifact, backend.predict), given)
    tracer = CallTracer(backend.predict)
    library = Library(given)
    traced = TracedTokenPipeline(plain, library, lambda found, _: [*found["tokens"]], tracer, True)
    found = [one.tolist() for one in traced.compute(range(len(given)))]
    assert found == [answer(one, 24) for one in given]
    one_by_one = [traced.compute([index]) for index in range(len(given))]
    assert [each[0].tolist() for each in one_by_one] == found
    steps = [note for note in traced.notes if note.what == "tokens"]
    assert len(steps) == max(map(len, found)) - 1 + sum(len(one) - 1 for one in found)
    assert [note.number for note in steps] == list(range(len(steps)))
    assert [note.what for note in traced.notes].count("prompts") == 1 + len(given)
    assert len(tracer.finish()) == sum(note.traced for note in traced.notes)
    for what in ("prompts", "tokens"):
        kept = [one for one in traced.notes if one.what == what and one.traced and traced.kept(one)]
        assert TRACED_STEPS[what] / 2 <= len(kept) <= TRACED_STEPS[what]


def test_an_encoder_has_steps_of_its_own(tmp_path) -> None:
    artifact = sum_encoder_decoder(tmp_path)
    decoder, encoder = loaded(artifact.of_decoder()), loaded(artifact.of_encoder())
    samples = [np.arange(1, 2 + index, dtype=np.float32)[None] for index in range(3)]

    class Samples(Library):
        def batch(self, indices):
            return {"sample": samples[indices[0]]}

    library = Samples([[]] * len(samples))
    plain = TokenPipeline(
        Steps(artifact, decoder.predict, encoder.predict), library,
        lambda found, _: [*found["tokens"]], Generation(end=(END,), most_new=6, start=(3,)),
    )  # fmt: skip
    tracers = CallTracer(decoder.predict), CallTracer(encoder.predict)
    traced = TracedTokenPipeline(
        plain, library, lambda found, _: [*found["tokens"]], tracers[0], True, encoder=tracers[1]
    )
    traced.issue([7, 8, 9], [0, 1, 2])
    for place, id in enumerate([7, 8, 9]):
        assert not traced.open(id, place).tokens
    found = traced.compute([0, 1, 2])
    assert [one.tolist() for one in found] == [
        answer([3], 6, memory=int(2 * sample.sum())) for sample in samples
    ]
    encoded = [note for note in traced.notes if note.what == "encoder"]
    assert [note.samples for note in encoded] == [(0,), (1,), (2,), (), (), ()]
    assert len(tracers[1].finish()) == len(encoded) == 6
    assert len(tracers[0].finish()) == len(traced.notes) - 6


def test_a_shortened_pipeline_answers_the_beginning(tmp_path) -> None:
    artifact = sum_decoder(tmp_path)
    whole = pipeline(Steps(artifact, loaded(artifact.of_decoder()).predict), prompts(6))
    short = whole.shortened(3)
    for index in range(6):
        assert short.compute([index])[0].tolist() == whole.compute([index])[0].tolist()[:3]
    assert whole.generation.most_new == 24 and whole.shortened(99).generation.most_new == 24
