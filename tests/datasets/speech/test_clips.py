"""Reading recordings with transcripts, in each form, and what is refused."""

import json
from pathlib import Path

import pytest

from loadscope.datasets.adapters.librispeech import LibriSpeech
from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.mlperf_speech import MlperfSpeech
from loadscope.datasets.catalog import catalog_entry
from loadscope.datasets.registry import task
from loadscope.datasets.speech_recognition.clips import Clips
from loadscope.errors import InputError, WorkError

TASK = task("speech-recognition")


def read(path: Path, limit: int | None = None, form=None) -> Clips:
    found = TASK.read(path, limit, 0, form=form)
    assert isinstance(found, Clips)
    return found


@pytest.fixture
def libri(make_wave, tmp_path):
    """Two speakers; the second has two utterances."""
    for name in ("1/2/1-2-0000", "3/4/3-4-0000", "3/4/3-4-0001"):
        make_wave(f"dev/{name}.wav", [1, 2]).rename(tmp_path / "dev" / f"{name}.flac")
    (tmp_path / "dev/1/2/1-2.trans.txt").write_text("1-2-0000 HELLO\n")
    (tmp_path / "dev/3/4/3-4.trans.txt").write_text("3-4-0000 GOOD DAY\n3-4-0001 YES\n")
    return tmp_path


def entry(name: str, text: object = "hi", seconds: object = 1.0, speed: float = 1.0):
    files = [{"fname": name, "speed": speed, "duration": 1.0}]
    return {"transcript": text, "files": files, "original_duration": seconds}


def listed(tmp_path: Path, *entries: object) -> Path:
    (tmp_path / "list.json").write_text(json.dumps(list(entries)))
    return tmp_path


def test_librispeech_is_read_in_the_order_of_its_names(libri):
    for path, form in ((libri, LibriSpeech(part="dev")), (libri / "dev", None)):
        found = read(path, form=form)
        assert [Path(name).stem for name in found.names] == ["1-2-0000", "3-4-0000", "3-4-0001"]
        assert found.texts == ("HELLO", "GOOD DAY", "YES")
        assert not found.unscored
    assert len(read(libri / "dev", 2)) == 2
    assert read(libri / "dev", 2).full_size() == 3
    look = LibriSpeech(part="dev").look(libri, None)
    assert (look.samples, look.first) == (
        3,
        {"audio": "dev/1/2/1-2-0000.flac", "text": "HELLO"},
    )


def test_librispeech_without_a_transcript_or_recording_is_refused(libri):
    transcripts = libri / "dev/3/4/3-4.trans.txt"
    transcripts.write_text("3-4-0000 GOOD DAY\n")
    with pytest.raises(InputError, match=r"3-4-0001\.flac has no transcript"):
        read(libri / "dev")
    transcripts.write_text("3-4-0000 GOOD DAY\n3-4-0001\n")
    with pytest.raises(InputError, match=r"trans\.txt:2: 3-4-0001 has no transcript"):
        read(libri / "dev")
    transcripts.write_text("3-4-0000 GOOD DAY\n3-4-0001 YES\n3-4-0002 NO\n")
    with pytest.raises(InputError, match=r"trans\.txt:3: there is no 3-4-0002\.flac"):
        read(libri / "dev")
    with pytest.raises(InputError, match=r"no \*\.trans\.txt found"):
        read(libri, form=LibriSpeech(part="test"))


@pytest.mark.parametrize("name", ["list.tsv", "list.jsonl"])
def test_a_table_is_read(tmp_path, make_wave, name):
    make_wave("one.wav", [1])
    rows = {
        "list.tsv": "path\tsentence\none.wav\tGood day.\n",
        "list.jsonl": '{"path": "one.wav", "sentence": "Good day."}\n',
    }
    (tmp_path / name).write_text(rows[name])
    for path in (tmp_path, tmp_path / name):
        found = read(path)
        assert (found.names, found.texts) == (("one.wav",), ("Good day.",))
    other = Manifest(columns={"audio": "path", "text": "sentence"})
    assert read(tmp_path, form=other).texts == ("Good day.",)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("one.wav\t", r"list\.tsv:2: one\.wav has no transcript"),
        ("\thello", r"list\.tsv:2: audio is '', no file"),
        ("two.wav\thello", r"list\.tsv:2: there is no .*two\.wav"),
    ],
)
def test_a_table_with_something_missing_is_refused(tmp_path, make_wave, row, reason):
    make_wave("one.wav", [1])
    (tmp_path / "list.tsv").write_text(f"path\ttext\n{row}\n")
    with pytest.raises(InputError, match=reason):
        read(tmp_path)


def test_a_table_without_a_column_of_texts_is_refused(tmp_path, make_wave):
    make_wave("one.wav", [1])
    (tmp_path / "list.tsv").write_text("path\tspeaker\none.wav\t7\n")
    with pytest.raises(InputError, match="no column text or sentence for the text"):
        read(tmp_path)


def test_the_rounds_list_is_read_without_what_is_too_long(tmp_path, make_wave):
    for name in ("a.wav", "b.wav", "c.wav"):
        make_wave(f"clips/{name}", [1])
    path = listed(
        tmp_path, entry("clips/b.wav", "two"), entry("clips/c.wav", "long", 30.1),
        entry("clips/a.wav", "one", 30),
    )  # fmt: skip
    found = read(path)
    assert (found.names, found.texts) == (("clips/b.wav", "clips/a.wav"), ("two", "one"))
    assert MlperfSpeech().look(path, None).samples == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (entry("a.wav", ""), "entry 0 has no transcript"),
        (entry("a.wav", 7), "entry 0: expected transcript"),
        (entry("a.wav", "x", None), "entry 0: expected transcript"),
        (entry("a.wav", "x", 1.0, speed=1.1), "entry 0: expected transcript"),
        (entry("none.wav"), "entry 0: there is no"),
        (entry("a.wav", "x", 99), "no recording of at most 30 s"),
        ("a.wav", "entry 0: expected transcript"),
    ],
)
def test_a_list_of_another_form_is_refused(tmp_path, make_wave, given, reason):
    make_wave("a.wav", [1])
    with pytest.raises(InputError, match=reason):
        read(listed(tmp_path, given), form=MlperfSpeech())


def test_a_list_that_is_none_is_refused(tmp_path):
    (tmp_path / "list.json").write_text("{}")
    with pytest.raises(InputError, match="expected a list of recordings"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"no list other\.json found"):
        read(tmp_path, form=MlperfSpeech(file="other.json"))


def test_recordings_alone_are_measured_and_not_scored(tmp_path, make_wave):
    make_wave("b/two.wav", [1])
    make_wave("one.wav", [1])
    found = read(tmp_path)
    assert (found.names, found.unscored) == (("b/two.wav", "one.wav"), "no transcripts")
    with pytest.raises(WorkError, match="no transcripts, so there is no score"):
        found.score([])


def test_folders_and_limits_that_do_not_fit_are_refused(tmp_path, make_wave):
    with pytest.raises(InputError, match="there is no data set folder"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="found neither a table of recordings nor a recording"):
        read(tmp_path)
    make_wave("one.wav", [1])
    for limit in (0, 2):
        with pytest.raises(InputError, match="does not fit"):
            read(tmp_path, limit)


def test_the_digest_is_of_names_texts_and_contents(tmp_path, make_wave):
    make_wave("one.wav", [1])
    table = tmp_path / "list.tsv"
    seen = set()
    for levels, text in (([1], "hello"), ([2], "hello"), ([2], "hallo")):
        make_wave("one.wav", levels)
        table.write_text(f"path\ttext\none.wav\t{text}\n")
        seen.add(read(tmp_path).digest())
    assert len(seen) == 3


def test_the_clips_that_come_with_the_package():
    entry = catalog_entry("librivox-sample")
    folder = entry.shipped()
    assert folder is not None
    found = read(folder, form=entry.form)
    assert len(found) == entry.samples == 5
    assert found.texts[1] == "he was not an ill disposed young man"
    assert sum(len(text.split()) for text in found.texts) == 71
    assert (folder / "NOTICE").is_file()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000
