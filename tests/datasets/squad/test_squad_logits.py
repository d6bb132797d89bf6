import numpy as np
import pytest

from loadscope.datasets.question_answering.squad_logits import PADDING, SpanSpec, postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

ONE = SpanSpec("spans", ("logits",))
TWO = SpanSpec("spans", ("starts", "ends"))


def test_start_and_end_scores_take_turns_and_the_rest_is_padding() -> None:
    logits = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    payload = np.asarray(postprocess(ONE)({"logits": logits}, [4, 5]))
    assert payload.shape == (2, 768)
    assert payload.dtype == np.dtype("<f4")
    assert payload.flags.c_contiguous
    assert payload[1, :6].tolist() == [6, 7, 8, 9, 10, 11]
    assert set(payload[:, 6:].ravel().tolist()) == {PADDING}


def test_two_outputs_give_the_same_as_one() -> None:
    logits = np.random.default_rng(1).normal(size=(3, 7, 2)).astype(np.float32)
    one = postprocess(ONE)({"logits": logits}, [0, 1, 2])
    two = postprocess(TWO)({"starts": logits[..., 0], "ends": logits[..., 1]}, [0, 1, 2])
    assert np.array_equal(np.asarray(one), np.asarray(two))


@pytest.mark.parametrize(
    ("spec", "outputs", "message"),
    [
        (ONE, {}, "has no output 'logits'"),
        (ONE, {"logits": np.zeros((2, 5, 2))}, "for 1 samples"),
        (ONE, {"logits": np.zeros((1, 5, 3))}, r"\(1, 5, 3\)"),
        (ONE, {"logits": np.zeros((1, 5))}, r"\(1, 5\)"),
        (ONE, {"logits": np.zeros((1, 385, 2))}, "at most 384 positions"),
        (TWO, {"starts": np.zeros((1, 5)), "ends": np.zeros((1, 4))}, r"\(1, 4\)"),
        (TWO, {"starts": np.zeros((1, 5, 2)), "ends": np.zeros((1, 5, 2))}, r"\(1, 5, 2\)"),
        (ONE, {"logits": np.full((1, 5, 2), np.nan)}, "NaN for sample 7"),
    ],
)
def test_outputs_that_are_no_scores_are_refused(
    spec: SpanSpec, outputs: Tensors, message: str
) -> None:
    with pytest.raises(WorkError, match=message):
        postprocess(spec)(outputs, [7])


@pytest.mark.parametrize("outputs", [(), ("a", "b", "c"), ("",)])
def test_a_spec_names_one_output_or_two(outputs: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one tensor, or one for starts and one for ends"):
        SpanSpec("spans", outputs)
