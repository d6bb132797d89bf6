"""The task: pieces, payloads, settings, and what people are shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.declared import DeclaredModel
from loadscope.datasets.playing import Waveform
from loadscope.datasets.registry import task
from loadscope.datasets.speech_recognition.alphabet import encoded
from loadscope.datasets.speech_recognition.pieces import Pieces
from loadscope.datasets.speech_recognition.speech_spec import SpeechPreprocess, TokensSpec
from loadscope.datasets.task import DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

TASK = task("speech-recognition")
WAVE = TensorInfo("input_values", "float32", (-1,))
HE, LLO, MARK = 259, 260, 261
TOKENS = TokensSpec(kind="tokens", start=(1,), end=(2,), most_new=20, per_second=6.5)


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def opened(tmp_path, spec, make_wave):
    """A data set of one clip, and its library."""
    make_wave("data/one.wav", [0, 16384, -32768])
    dataset = TASK.read(tmp_path / "data", None, 0, spec)
    prepared = TASK.prepare(dataset, spec, tmp_path / "cache", silent)
    return dataset, TASK.library(prepared, spec, [WAVE], "")


def test_pieces_are_joined_without_marks(spec):
    pieces = Pieces.read(Path(spec.file))
    assert len(pieces) == 262
    assert pieces.text([1, HE, LLO, 3 + 0x21, MARK, 2]) == "hello!"
    assert pieces.text([3 + byte for byte in "é".encode()]) == "é"
    assert pieces.text([3 + 0xC3]) == "\ufffd"
    assert pieces.text([]) == ""


def test_a_long_piece_has_a_length_of_two_bytes(tmp_path):
    path = tmp_path / "t.bin"
    long = b"x" * 300
    path.write_bytes(b"\1a\1b\1c" + bytes([300 % 128 + 128, 300 // 128]) + long)
    assert Pieces.read(path).text([3]) == long.decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\1a\1b\1c\5xy", "ends inside piece 3"),
        (b"\1a\1b\1c\x85", "ends inside piece 3"),
        (b"\1a", "has 1 pieces, no more than its marks"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(tmp_path, content, reason):
    path = tmp_path / "t.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        Pieces.read(path)
    with pytest.raises(InputError, match="cannot read the vocabulary"):
        Pieces.read(tmp_path / "none.bin")


def test_tokens_become_texts_in_the_alphabet(opened, spec):
    payloads = TASK.postprocess(TOKENS, opened[1])
    tokens = np.array([[HE, LLO, 3 + ord("Z"), 3 + ord(","), 2], [2, 0, 0, 0, 0]])
    first, second = payloads({"tokens": tokens}, [0, 0])
    assert first.tolist() == encoded("helloz").tolist()
    assert second.size == 0 and second.dtype == np.dtype("<i8")


def test_a_token_without_a_piece_is_told(opened):
    payloads = TASK.postprocess(TOKENS, opened[1])
    with pytest.raises(WorkError, match="sample 0 is answered with token 262, of 262"):
        payloads({"tokens": np.array([[262]])}, [0])


def test_answers_are_bounded_by_the_length_of_the_recording(opened):
    generation = TASK.generation(TOKENS, opened[1])
    assert generation is not None and generation.most_of is not None
    assert (generation.start, generation.end, generation.most_new) == ((1,), (2,), 20)
    assert generation.most_of(0) == 2
    assert [TOKENS.most_of(seconds) for seconds in (0.1, 2.0, 60)] == [2, 13, 20]
    assert replace(TOKENS, per_second=0.0).most_of(0.1) == 20
    for place, wrong in {
        "start": replace(TOKENS, start=(262,)),
        "end": replace(TOKENS, end=(262,)),
    }.items():
        with pytest.raises(InputError, match=f"postprocess.{place} has token 262, of 262"):
            TASK.generation(wrong, opened[1])


def test_a_decoder_without_an_end_or_a_start_is_refused():
    for wrong in ({"start": ()}, {"end": ()}, {"most_new": 1}, {"per_second": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(TOKENS, **wrong)


def test_people_see_the_file_and_the_text(opened):
    dataset, _ = opened
    shown = TASK.show(DataSample(dataset, 0), encoded("hello").tobytes())
    assert (shown.sample, shown.answer) == (dataset.path / "one.wav", "hello")
    (part,) = TASK.explain(dataset, [encoded("hello").tobytes()], [], None)
    assert isinstance(part, Waveform) and part.text == "hello" and max(part.peaks) == 1
    with pytest.raises(WorkError, match="3 bytes that are no text"):
        TASK.show(DataSample(dataset, 0), b"123")


def test_a_recording_by_hand_is_a_data_set_of_one(tmp_path, spec, make_wave):
    path = make_wave("given/Mine.WAV", [1, 2])
    folder = tmp_path / "one"
    folder.mkdir()
    dataset = TASK.read(TASK.one_sample({"audio": str(path)}, folder), None, 0, spec)
    assert len(dataset) == 1 and dataset.unscored
    assert TASK.examples(tmp_path / "given", 3) == {"Mine.WAV": {"audio": str(path)}}
    with pytest.raises(InputError, match="not found"):
        TASK.one_sample({"audio": str(tmp_path / "no.wav")}, folder)
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match="not a recording by its name"):
        TASK.one_sample({"audio": str(tmp_path / "a.txt")}, folder)


def test_settings_that_cannot_be_meant_are_refused():
    for wrong in ({"rate": 1}, {"longest": 0}, {"longest": 4000}, {"sha256": "X"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SpeechPreprocess(vocabulary="file:x", **wrong)


def test_inputs_that_take_no_recording_are_a_misfit(spec):
    entry = DeclaredModel(0, "", [TensorInfo("x", "int64", (-1,))], [], spec, TOKENS, None)
    (misfit,) = TASK.check(entry)
    assert misfit.place == "inputs"


def test_the_vocabulary_is_a_file_to_fetch(spec):
    (needed,) = TASK.files(spec)
    assert needed.source == spec.vocabulary
