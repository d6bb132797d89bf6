"""Trains ``bulletin-decoder`` on generated bulletins.

Run as ``python -m loadscope.tools.train.bulletin_decoder OUTPUT``, the shipped OUTPUT being
``tools/build/data/bulletin_decoder.pth``: some four minutes of one core. Every step draws new
bulletins of ``tools.generate.bulletins``. The seed and the one thread make the training repeatable
on one machine; another processor rounds otherwise and comes to other weights of like use. The
network reads bytes, and what it learns is one grammar: to find four facts in a short text.
"""

import random
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from loadscope.files import replacing
from loadscope.sut.architectures.llama import LLAMAS, Llama
from loadscope.tools.generate.bulletins import Bulletin, bulletin

SEED, STEPS, BATCH, RATE, DECAY = 1715, 2000, 16, 5e-3, 0.01
BEGIN, END, CLASSES, CONTEXT = 256, 257, 260, 512
"""As the model's manifest has them."""

_TEXT_WEIGHT = 0.1
"""Of the text's own bytes in the loss: learning them too teaches what a word is."""
_TESTED = 256
_IGNORED = -100


def train(output: Path) -> float:
    """Train, and write the weights; bulletins that were not trained on are looked at in the end.

    Args:
        output: The state dict to write.

    Returns:
        How many of them are answered without a fault, percent.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    draw = random.Random(SEED)
    network = Llama(LLAMAS["llama-tiny"], CLASSES, CONTEXT).train()
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=STEPS, pct_start=0.1
    )
    started = time.perf_counter()
    for step in range(STEPS):
        tokens, in_answer = _batch([bulletin(draw) for _ in range(BATCH)])
        scores = network.scores(tokens[:, :-1].clamp(min=0)).flatten(0, 1)
        each = functional.cross_entropy(
            scores, tokens[:, 1:].flatten(), ignore_index=_IGNORED, reduction="none"
        )
        answer = in_answer[:, 1:].flatten()
        known = tokens[:, 1:].flatten() != _IGNORED
        loss_of_answer = each[answer].mean()
        loss = loss_of_answer + _TEXT_WEIGHT * each[known & ~answer].mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0 or step == STEPS - 1:
            seconds = time.perf_counter() - started
            print(f"step {step}: answers {loss_of_answer.item():.4f}, {seconds:.0f} s", flush=True)
    network.eval()
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(network.state_dict(), file)
    return faultless(network)


def _batch(bulletins: list[Bulletin]) -> tuple[Tensor, Tensor]:
    """Tokens of texts and answers, filled up at the end, and where the answers are."""
    rows, starts = [], []
    for one in bulletins:
        text = one.text.encode()
        rows.append([BEGIN, *text, *one.reference.encode(), END])
        starts.append(1 + len(text))
    longest = max(map(len, rows))
    tokens = torch.full((len(rows), longest), _IGNORED)
    in_answer = torch.zeros(len(rows), longest, dtype=torch.bool)
    for at, (row, start) in enumerate(zip(rows, starts, strict=True)):
        tokens[at, : len(row)] = torch.tensor(row)
        in_answer[at, start : len(row)] = True
    return tokens, in_answer


@torch.no_grad()
def faultless(network: Llama) -> float:
    """How many bulletins of a seed of their own are answered without a fault, percent.

    An answer that is all right up to each byte has each byte as the likeliest, so that no step by
    step is needed.
    """
    draw = random.Random(SEED + 1)
    tokens, in_answer = _batch([bulletin(draw) for _ in range(_TESTED)])
    found = network.scores(tokens[:, :-1].clamp(min=0)).argmax(-1)
    right = (found == tokens[:, 1:]) | ~in_answer[:, 1:]
    return 100.0 * right.all(1).double().mean().item()


if __name__ == "__main__":
    print(f"{train(Path(sys.argv[1])):.1f} % without a fault")
