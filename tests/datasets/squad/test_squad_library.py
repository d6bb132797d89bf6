import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.library import OrderedLibrary
from loadscope.datasets.question_answering.squad import Squad
from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.texts.token_cache import LENGTHS, TOKENS, TokenCache
from loadscope.datasets.texts.token_cache_build import prepare_tokens
from loadscope.datasets.texts.token_library import TokenLibrary
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

MakeSpec = Callable[..., WordPieceSpec]


def texts(length: int = -1, dtype: str = "int64") -> list[TensorInfo]:
    names = ("input_ids", "attention_mask", "token_type_ids")
    return [TensorInfo(name, dtype, (length,)) for name in names]


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def squad(make_spec: MakeSpec, small_set: Path) -> Squad:
    return Squad.read(small_set, None, make_spec())


@pytest.fixture
def prepared(squad: Squad, tmp_path: Path) -> Path:
    return prepare_tokens(squad, tmp_path / "cache", quiet)


@pytest.fixture
def library(squad: Squad, prepared: Path) -> TokenLibrary:
    found = TokenLibrary(prepared, squad.spec, texts())
    found.load(range(len(squad)))
    return found


def test_a_batch_is_as_long_as_its_longest_sample(squad: Squad, library: TokenLibrary) -> None:
    rows = [squad.sample(index) for index in (0, 1)]
    batch = library.batch([0, 1])
    longest = max(len(tokens) for tokens, _ in rows)
    for line, (tokens, before) in enumerate(rows):
        padding = [0] * (longest - len(tokens))
        assert batch["input_ids"][line].tolist() == tokens.tolist() + padding
        assert batch["attention_mask"][line].tolist() == [1] * len(tokens) + padding
        segments = [0] * before + [1] * (len(tokens) - before)
        assert batch["token_type_ids"][line].tolist() == segments + padding
    assert {array.dtype for array in batch.values()} == {np.dtype("int64")}
    assert all(array.flags.c_contiguous for array in batch.values())


def test_a_model_of_fixed_length_gets_that_length(squad: Squad, prepared: Path) -> None:
    library = TokenLibrary(prepared, squad.spec, texts(24, "int32"))
    library.load([0])
    batch = library.batch([0])
    assert {(array.shape, array.dtype.name) for array in batch.values()} == {((1, 24), "int32")}


def test_official_names_and_tensorflows_are_known(squad: Squad, prepared: Path) -> None:
    names = ("segment_ids:0", "input_ids:0", "input_mask:0")
    library = TokenLibrary(prepared, squad.spec, [TensorInfo(n, "int32", (20,)) for n in names])
    library.load([1])
    batch = library.batch([1])
    tokens, before = squad.sample(1)
    assert batch["input_mask:0"].sum() == len(tokens)
    assert batch["segment_ids:0"].sum() == len(tokens) - before


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([TensorInfo("images", "int64", (-1,))], "'images' is none"),
        ([*texts(), TensorInfo("input_mask", "int64", (-1,))], "'input_mask' is none, or a second"),
        ([TensorInfo("input_ids", "float32", (-1,))], "is float32"),
        ([TensorInfo("input_ids", "int64", (-1, 2))], "not one row"),
        ([TensorInfo("attention_mask", "int64", (-1,))], "needs the input input_ids"),
        ([*texts()[:2], TensorInfo("token_type_ids", "int64", (20,))], "inputs of one length"),
        (texts(19), "19 tokens cannot take windows of 20"),
    ],
)
def test_inputs_that_are_not_berts_are_refused(
    squad: Squad, prepared: Path, inputs: list[TensorInfo], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TokenLibrary(prepared, squad.spec, inputs)


def test_order_goes_from_long_to_short_and_names_every_position(
    squad: Squad, library: TokenLibrary
) -> None:
    asked = [1, 0, 1, len(squad) - 1, 2]
    order = library.order(asked)
    assert sorted(order) == list(range(len(asked)))
    lengths = [len(squad.sample(asked[at])[0]) for at in order]
    assert lengths == sorted(lengths, reverse=True)
    assert isinstance(library, OrderedLibrary)


def test_only_loaded_samples_are_handed_out(library: TokenLibrary) -> None:
    library.unload([1, 1])
    assert library.batch([0])["input_ids"].shape[0] == 1
    with pytest.raises(WorkError, match="sample 1 was asked for but is not loaded"):
        library.batch([0, 1])
    with pytest.raises(WorkError, match="no samples"):
        library.batch([])
    with pytest.raises(WorkError, match="there is no sample 1000"):
        library.load([1000])


def test_a_finished_cache_is_used_again(squad: Squad, prepared: Path, tmp_path: Path) -> None:
    before = (prepared / TOKENS).stat().st_mtime_ns
    assert prepare_tokens(squad, tmp_path / "cache", quiet) == prepared
    assert (prepared / TOKENS).stat().st_mtime_ns == before


@pytest.mark.parametrize("name", [TOKENS, LENGTHS, "header.json"])
def test_a_damaged_cache_is_refused_and_made_again(
    squad: Squad, prepared: Path, tmp_path: Path, name: str
) -> None:
    whole = (prepared / name).read_bytes()
    (prepared / name).write_bytes(whole[:-4] + b"0000")
    with pytest.raises(WorkError, match="unusable"):
        TokenCache.open(prepared)
    assert prepare_tokens(squad, tmp_path / "cache", quiet) == prepared
    assert (prepared / name).read_bytes() == whole


def test_the_files_are_little_endian(squad: Squad, prepared: Path) -> None:
    tokens, before = squad.sample(0)
    stored = (prepared / TOKENS).read_bytes()
    assert stored[: 4 * len(tokens)] == b"".join(
        int(token).to_bytes(4, "little") for token in tokens
    )
    lengths = (prepared / LENGTHS).read_bytes()
    assert lengths[:4] == len(tokens).to_bytes(2, "little") + before.to_bytes(2, "little")


def test_other_settings_have_another_cache_that_is_not_mistaken(
    make_spec: MakeSpec, small_set: Path, prepared: Path, tmp_path: Path
) -> None:
    other = make_spec(stride=7)
    elsewhere = prepare_tokens(Squad.read(small_set, None, other), tmp_path / "cache", quiet)
    assert elsewhere != prepared
    with pytest.raises(WorkError, match="was made with"):
        TokenLibrary(prepared, other, texts())


def test_a_cache_of_another_key_is_refused(prepared: Path) -> None:
    header = json.loads((prepared / "header.json").read_text())
    (prepared / "header.json").write_text(json.dumps({**header, "count": 1}))
    with pytest.raises(WorkError, match="does not fit the folder's name"):
        TokenCache.open(prepared)


def test_the_measured_process_imports_no_tokenizer() -> None:
    code = (
        "import sys; import loadscope.datasets.registry;"
        "sys.exit('tokenizers' in sys.modules or 'pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
