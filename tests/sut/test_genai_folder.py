"""What a model folder of ONNX Runtime GenAI says, which is read without it."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from loadscope.decoding import Decoding
from loadscope.errors import InputError
from loadscope.sut.genai.folder import read
from loadscope.sut.signature import FileTensor


def written(folder: Path, kind: str = "", **model: Any) -> Path:
    """A folder of a decoder with one operator more, whose numbers are float16."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Foo", ["ids"], ["scores"], domain="own")]
    nodes += [helper.make_node(kind, ["ids"], ["more"], domain="com.microsoft")] if kind else []
    graph = helper.make_graph(
        nodes, "decoder", [value("ids", TensorProto.INT32, ["N", "L"])],
        [value("scores", TensorProto.FLOAT16, ["N", "L", 50])],
    )  # fmt: skip
    onnx.save(helper.make_model(graph), folder / "decoder.onnx")
    decoder = {
        "filename": "decoder.onnx", "inputs": {"input_ids": "ids"}, "outputs": {"logits": "scores"},
    }  # fmt: skip
    whole = {
        "decoder": decoder, "eos_token_id": [3, 4], "bos_token_id": 1, "vocab_size": 50,
        "context_length": 900,
    } | model  # fmt: skip
    (folder / "genai_config.json").write_text(json.dumps({"model": whole}))
    return folder


def test_a_folder_says_its_tensors_and_how_it_answers(tmp_path: Path) -> None:
    found = read("genai", written(tmp_path), {})
    assert found.inputs == (FileTensor("ids", "int32", (None, None)),)
    assert found.outputs == (FileTensor("scores", "float16", (None, None, 50)),)
    assert found.decoding == Decoding((3, 4), (1,), 900) and found.numerics == "float32"
    # Without the token that begins a prompt, with a search that is shorter than the context.
    config = tmp_path / "genai_config.json"
    said = json.loads(config.read_text()) | {"search": {"max_length": 70}}
    said["model"] |= {"bos_token_id": None, "eos_token_id": 3}
    config.write_text(json.dumps(said))
    (tmp_path / "tokenizer.json").write_text("{}")
    tokenizer = str(tmp_path / "tokenizer.json")
    assert read("genai", tmp_path, {}).decoding == Decoding((3,), (), 70, tokenizer)


def test_weights_of_four_bits_are_told(tmp_path: Path) -> None:
    assert read("genai", written(tmp_path, "MatMulNBits"), {}).numerics == "int4"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"vision": {}}, "the model has the part 'vision' beside its decoder"),
        ({"decoder": {}}, r"genai_config\.json: model\.decoder\.filename: field required"),
        ({"vocab_size": "many"}, "vocab_size: input should be a valid integer"),
        ({"context_length": True}, "context_length: input should be a valid integer"),
        ({"context_length": 0}, "context_length: input should be greater than or equal to 2"),
        ({"eos_token_id": []}, "eos_token_id"),
        ({"eos_token_id": [257, "a"]}, "eos_token_id"),
        ({"decoder": {"filename": "decoder.onnx", "inputs": {"input_ids": 5}}}, "input_ids"),
        ({"decoder": {"filename": "other.onnx"}}, r"other\.onnx: not found"),
    ],
)
def test_a_folder_that_is_of_no_use_is_refused(tmp_path: Path, model: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        read("genai", written(tmp_path, **model), {})
    assert refused.value.fix


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{", '{"model": "vision"}'])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (written(tmp_path) / "genai_config.json").write_text(text)
    with pytest.raises(InputError, match="genai_config"):
        read("genai", tmp_path, {})
