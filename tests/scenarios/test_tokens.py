"""Running batches against answers that are worked out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scenarios.token_models import (
    END,
    WORDS,
    answer,
    loaded,
    sum_decoder,
    sum_encoder_decoder,
)

from loadscope.datasets.generation import Generation
from loadscope.errors import InputError, WorkError
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.tokens.cache import arranged
from loadscope.scenarios.tokens.driver import TokenDriver
from loadscope.scenarios.tokens.own import OwnSteps, steps_of
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.running import RunningBatch
from loadscope.scenarios.tokens.sequence import Sequence
from loadscope.scenarios.tokens.steps import Steps
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.decoder import Decoder, State
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend
from loadscope.tensors import Tensors

GENERATION = Generation(end=(END,), most_new=24)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    artifact = sum_decoder(tmp_path_factory.mktemp("sum"))
    return Steps(artifact, loaded(artifact.of_decoder()).predict)


def prompts(count: int, longest: int = 12) -> list[list[int]]:
    draw = np.random.default_rng(5)
    sizes = draw.integers(1, longest, count)
    return [draw.integers(0, END, size).tolist() for size in sizes]


def run(batch: RunningBatch, waiting: list[Sequence]) -> list[int]:
    """Answer all, each as soon as it fits; returns the rows of each step."""
    rows = []
    waiting = list(waiting)
    while waiting or batch.sequences:
        joining: list[Sequence] = []
        while waiting and batch.fits(waiting[0], joining):
            joining.append(waiting.pop(0))
        if joining:
            batch.join(joining)
        rows.append(len(batch.sequences))
        if batch.sequences:
            batch.step()
    return rows


def sequences(given: list[list[int]], limit: int = 24) -> list[Sequence]:
    return [
        Sequence(0, index, np.array(one), limit - 3 * (index % 5))
        for index, one in enumerate(given)
    ]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_answers_are_the_same_whoever_shares_the_batch(steps: Steps, size: int) -> None:
    given = sequences(prompts(30))
    rows = run(RunningBatch(steps, GENERATION, size), given)
    assert [one.tokens for one in given] == [
        answer(one.prompt.tolist(), one.limit) for one in given
    ]
    # Sequences join while others are under way, and the batch is never larger than asked.
    assert max(rows) == size and (size == 1 or min(rows[:10]) > 1)
    lengths = [len(one.tokens) for one in given]
    assert max(lengths) >= 4 * min(lengths)


def test_a_token_budget_bounds_rows_by_the_longest(steps: Steps) -> None:
    given = sequences(prompts(20))
    batch = RunningBatch(steps, GENERATION, 8, token_budget=60)
    seen = []
    wrapped = batch.step

    def step() -> list[Sequence]:
        seen.append(len(batch.sequences) * max(one.most_tokens for one in batch.sequences))
        return wrapped()

    batch.step = step  # type: ignore[method-assign]
    run(batch, given)
    assert max(seen) <= 60 and max(seen) > 40
    # One that is longer than the budget runs alone.
    lonely = sequences([[1] * 80])
    assert run(RunningBatch(steps, GENERATION, 8, token_budget=60), lonely)
    assert lonely[0].tokens == answer([1] * 80, 24)


def test_without_a_mask_sequences_of_one_length_begin_together(tmp_path: Path) -> None:
    artifact = sum_decoder(tmp_path, masked=False)
    steps = Steps(artifact, loaded(artifact.of_decoder()).predict)
    given = sequences([[1, 2], [3, 4], [5, 6, 7], [8, 9, 1]])
    run(RunningBatch(steps, GENERATION, 8), given)
    assert [one.tokens for one in given] == [
        answer(one.prompt.tolist(), one.limit) for one in given
    ]
    batch = RunningBatch(steps, GENERATION, 8)
    assert batch.fits(given[0], []) and not batch.fits(given[2], [given[0]])
    batch.join(sequences([[1, 2]]))
    assert not batch.fits(given[1], [])


def test_what_an_encoder_read_stays_with_its_sequence(tmp_path: Path) -> None:
    artifact = sum_encoder_decoder(tmp_path)
    steps = Steps(
        artifact, loaded(artifact.of_decoder()).predict, loaded(artifact.of_encoder()).predict
    )
    samples = [np.arange(1, 2 + index % 4, dtype=np.float32)[None] for index in range(9)]
    given = []
    for index, sample in enumerate(samples):
        prompt, memory = steps.read({"sample": sample}, (3,))
        given.append(Sequence(0, index, prompt, 12 - index, memory))
    run(RunningBatch(steps, GENERATION, 4), given)
    assert [one.tokens for one in given] == [
        answer([3], 12 - index, memory=int(2 * samples[index].sum()))
        for index, one in enumerate(given)
    ]


def test_an_answer_may_not_end_before_it_has_begun(steps: Steps) -> None:
    # The prompt's sum is the end token.
    for least in (0, 1):
        generation = Generation(end=(END,), most_new=4, least=least)
        given = sequences([[4, 6]], limit=4)
        run(RunningBatch(steps, generation, 1), given)
        assert given[0].tokens == answer([4, 6], 4, least=least)
        assert (given[0].tokens[0] == END) == (least == 0)


A = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
B = np.array([[7, 8]], np.float32)


@pytest.mark.parametrize(
    ("rows", "length", "left", "wanted"),
    [
        # More rows than the first array has, or another length: a new array.
        ([(0, 1), (0, 0), (1, 0)], 3, True, [[4, 5, 6], [1, 2, 3], [0, 7, 8]]),
        ([(0, 0), (0, 1), (1, 0)], 3, False, [[1, 2, 3], [4, 5, 6], [7, 8, 0]]),
        ([(0, 0), (1, 0)], 4, True, [[0, 1, 2, 3], [0, 0, 7, 8]]),
        ([(0, 0), (0, 1)], 2, True, [[2, 3], [5, 6]]),
        ([(0, 0), (0, 1)], 2, False, [[1, 2], [4, 5]]),
        # In the first array's place: one comes for one that has left, the last takes its row.
        ([(0, 0), (1, 0)], 3, True, [[1, 2, 3], [0, 7, 8]]),
        ([(1, 0), (0, 1)], 3, False, [[7, 8, 0], [4, 5, 6]]),
        ([(0, 1)], 3, True, [[4, 5, 6]]),
    ],
)
@pytest.mark.parametrize("writeable", [True, False])
def test_rows_are_filled_up_and_cut_on_the_side_that_is_filling(
    rows: list[tuple[int, int]], length: int, left: bool, wanted: list[Any], writeable: bool
) -> None:
    first = A.copy()
    first.flags.writeable = writeable
    found = arranged([first, B], rows, 1, length, left)
    assert found.tolist() == wanted and found.flags.c_contiguous
    in_place = writeable and length == 3 and len(rows) <= 2
    assert np.shares_memory(found, first) == in_place
    if not writeable:
        assert first.tolist() == A.tolist()


def test_an_array_that_is_all_that_is_asked_for_is_not_copied() -> None:
    assert arranged([A], [(0, 0), (0, 1)], 1, 3, left=True) is A


def broken(**given: Any) -> Artifact:
    decoder = Decoder(
        "input_ids", "logits", (State("past", "present", "float32", (1, -1, 1)),), **given
    )
    return Artifact(
        Path("x.onnx"), "onnx", (TensorInfo("input_ids", "int64", (-1,)),),
        (TensorInfo("logits", "float32", (1, WORDS)),), decoder=decoder,
    )  # fmt: skip


def test_scores_that_are_no_numbers_are_an_error() -> None:
    def predict(batch: Tensors) -> Tensors:
        return {
            "logits": np.full((1, 1, WORDS), np.nan, np.float32),
            "present": np.zeros((1, 1, 1, 1), np.float32),
        }

    with pytest.raises(WorkError, match="NaN"):
        RunningBatch(Steps(broken(), predict), GENERATION, 1).join(sequences([[1]]))


def test_a_part_for_an_input_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="no input 'attention_mask'"):
        Steps(broken(mask="attention_mask"), lambda batch: batch)


class Library:
    """Prompts as they are given."""

    def __init__(self, given: list[list[int]]) -> None:
        self._given = given

    def __len__(self) -> int:
        return len(self._given)

    def load(self, indices: Any) -> None:
        pass

    def unload(self, indices: Any) -> None:
        pass

    def batch(self, indices: Any) -> Tensors:
        (index,) = indices
        return {"input_ids": np.array([self._given[index]], np.int64)}


def pipeline(steps: Steps | OwnSteps, given: list[list[int]], **bounds: Any) -> TokenPipeline:
    generation = Generation(end=(END,), **{"most_new": 24, **bounds})
    return TokenPipeline(steps, Library(given), lambda found, _: [*found["tokens"]], generation)


def test_a_prompt_longer_than_the_context_is_an_error(steps: Steps) -> None:
    short = pipeline(steps, [[1] * 6, [1] * 7], context=8)
    assert [len(one) for one in short.compute([0])] == [2]
    with pytest.raises(InputError, match=r"prompt of 7 tokens leaves 1 of the model's context"):
        short.compute([1])


def test_a_sample_may_ask_for_fewer_tokens(steps: Steps) -> None:
    given = prompts(4)
    bounded = pipeline(steps, given, most_of=lambda index: 5 + index)
    found = [one.tolist() for one in bounded.compute([0, 1, 2, 3])]
    assert found == [answer(one, 5 + index) for index, one in enumerate(given)]


class Sums:
    """A framework that keeps its states to itself: two share its steps, until both are done."""

    def __init__(self, end: tuple[int, ...], least: int) -> None:
        assert end == (END,)
        self._least = least
        self._left: dict[int, list[int]] = {}
        self._batch: list[int] = []

    def begin(self, key: int, prompt: Any, limit: int) -> None:
        self._left[key] = answer(prompt.tolist(), limit, least=self._least)

    def step(self) -> list[tuple[int, int]]:
        self._batch = self._batch or list(self._left)[:2]
        found = [(key, self._left[key].pop(0)) for key in self._batch if self._left[key]]
        if not any(self._left[key] for key in self._batch):
            for key in self._batch:
                del self._left[key]
            self._batch = []
        return found


class SumsBackend(OnnxRuntimeBackend):
    """What has it; nothing is loaded, for nothing else of it is asked."""

    def generator(self, end: tuple[int, ...], least: int) -> Sums:
        return Sums(end, least)


class Noting(TokenPipeline):
    """Notes what LoadGen is told, instead of telling it."""

    def tell_first(self, sequences: Any) -> None:
        self.told = getattr(self, "told", [])
        self.told += [("first", one.id, len(one.tokens)) for one in sequences]

    def tell_done(self, sequences: Any) -> None:
        self.told += [("done", one.id, tuple(one.tokens)) for one in sequences]


@pytest.mark.parametrize("size", [1, 5])
def test_a_frameworks_own_batches_tell_each_first_token_when_it_comes(
    tmp_path: Path, size: int
) -> None:
    steps = steps_of(sum_decoder(tmp_path), SumsBackend(), None)
    assert isinstance(steps, OwnSteps)
    given = prompts(9)
    noting = Noting(
        steps, Library(given), lambda found, _: [*found["tokens"]], GENERATION, token_budget=120
    )
    failed: list[BaseException] = []
    driver = TokenDriver(noting, size, 1, Recorder(), failed.append)
    driver.issue(list(range(9)), list(range(9)))
    driver.start()
    driver.stop()
    assert not failed
    # The first token and no other is told as such, and before the answer.
    assert [one for one in noting.told if one[0] == "first"] == [
        ("first", at, 1) for at in range(9)
    ]
    for at, prompt in enumerate(given):
        done = noting.told.index(("done", at, tuple(answer(prompt, 24))))
        assert noting.told.index(("first", at, 1)) < done
    whole = pipeline(steps, given)
    assert [one.tolist() for one in whole.compute([3, 5])] == [
        answer(given[at], 24) for at in (3, 5)
    ]
    payload, spent = whole.timed(4)
    assert len(spent) == len(payload) and min(spent) >= 0


def test_a_framework_that_keeps_its_states_is_stepped_by_nobody_else(tmp_path: Path) -> None:
    artifact = sum_decoder(tmp_path)
    assert artifact.decoder is not None
    bare = replace(artifact, decoder=replace(artifact.decoder, states=()))
    with pytest.raises(InputError, match="keeps this model's states to itself"):
        Steps(bare, lambda batch: batch)
