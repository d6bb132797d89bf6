"""The trained decoder answers bulletins that it has not seen, and its steps are its whole."""

import random
from pathlib import Path

import pytest
import torch

from loadscope.sut.architectures.llama import LLAMAS, Llama
from loadscope.tools import build
from loadscope.tools.generate.bulletins import bulletin
from loadscope.tools.train.bulletin_decoder import (
    BEGIN,
    CLASSES,
    CONTEXT,
    END,
    faultless,
)

WEIGHTS = Path(str(build.__file__)).parent / "data" / "bulletin_decoder.pth"


@pytest.fixture(scope="module")
def network() -> Llama:
    found = Llama(LLAMAS["llama-tiny"], CLASSES, CONTEXT).eval()
    found.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return found


def test_the_trained_decoder_answers_bulletins_of_another_seed(network: Llama) -> None:
    assert faultless(network) > 99
    for weight in network.parameters():
        weight.data = weight.data.roll(1, 0)
    # What counts faultless answers can fail.
    assert faultless(network) == 0


def test_scores_of_a_whole_text_are_those_of_steps() -> None:
    torch.manual_seed(3)
    network = Llama(LLAMAS["llama-tiny"], CLASSES, CONTEXT).eval()
    one = bulletin(random.Random(8))
    tokens = torch.tensor([[BEGIN, *one.text.encode(), *one.reference.encode(), END]])
    split = 1 + len(one.text.encode())
    past = list(network.example(0, 1)[3:])
    past = [state[:1] for state in past]
    with torch.no_grad():
        whole = network.scores(tokens)
        positions = torch.arange(tokens.shape[1])[None]
        seen = torch.ones_like(tokens)
        found, *past = network(tokens[:, :split], seen[:, :split], positions[:, :split], *past)
        torch.testing.assert_close(found[:, 0], whole[:, split - 1], rtol=1e-4, atol=1e-5)
        for at in range(split, tokens.shape[1]):
            step = tokens[:, at : at + 1], seen[:, : at + 1], positions[:, at : at + 1]
            found, *past = network(*step, *past)
            torch.testing.assert_close(found[:, 0], whole[:, at], rtol=1e-4, atol=1e-5)
