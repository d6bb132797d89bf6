import json
import tracemalloc
from pathlib import Path

import pytest

from loadscope.datasets.task import Answer
from loadscope.errors import WorkError
from loadscope.rundir.accuracy_log import read_accuracy_log

# As LoadGen 6.0 writes it.
WHOLE = """[
{ "seq_id" : 0, "qsl_idx" : 2, "data" : "0000803F" },
{ "seq_id" : 1, "qsl_idx" : 0, "data" : "" },
{ "seq_id" : 2, "qsl_idx" : 1, "data" : "0000c0400000E040", "token_count" : 2 }
]
"""


def read(folder: Path, text: str | bytes) -> list[Answer]:
    path = folder / "mlperf_log_accuracy.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_accuracy_log(path))


def test_answers_come_in_the_order_of_the_log(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == [
        Answer(2, b"\0\0\x80\x3f"),
        Answer(0, b""),
        Answer(1, b"\0\0\xc0\x40\0\0\xe0\x40", tokens=2),
    ]


def test_the_log_of_a_performance_run_has_no_answers(tmp_path: Path) -> None:
    assert read(tmp_path, "[\n]\n") == []


@pytest.mark.parametrize("cut", range(len(WHOLE.rstrip())))
def test_a_log_cut_anywhere_is_refused_with_file_and_line(tmp_path: Path, cut: int) -> None:
    text = WHOLE[:cut]
    with pytest.raises(WorkError, match=r"mlperf_log_accuracy\.json:[1-5]: not a whole"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (3, "{ }"),
        (3, "[]"),
        (3, "3"),
        (3, '{ "qsl_idx" : 1, "data" : "0" }'),
        (3, '{ "qsl_idx" : 1, "data" : "xx" }'),
        (3, '{ "qsl_idx" : 1, "data" : 5 }'),
        (3, '{ "qsl_idx" : -1, "data" : "" }'),
        (3, '{ "qsl_idx" : 1.0, "data" : "" }'),
        (3, '{ "qsl_idx" : true, "data" : "" }'),
        (3, "[" * 100_000),
        (3, "\n\n..."),
        (3, '{ "qsl_idx" : 1, "data" : "" } { "qsl_idx" : 2, "data" : "" }'),
    ],
)
def test_a_malformed_entry_is_refused_with_its_line(tmp_path: Path, line: int, entry: str) -> None:
    with pytest.raises(WorkError, match=f":{line}: "):
        read(tmp_path, f'[\n{{ "qsl_idx" : 0, "data" : "" }},\n{entry}\n]\n')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (WHOLE.replace(" },\n", " }\n", 1), ":2: .*not followed by ','"),
        (WHOLE + WHOLE, ":5: .*goes on after its end"),
        ("seq_id,qsl_idx\n", ":1: .*start"),
        (b"\x1f\x8b\x08\xff", ":1: .*start"),
        ("", ":1: .*start"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(WorkError, match=reason):
        read(tmp_path, text)


def test_a_missing_log_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"cannot read the accuracy log .*none\.json"):
        next(read_accuracy_log(tmp_path / "none.json"))


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    path = tmp_path / "mlperf_log_accuracy.json"
    entries = (
        json.dumps({"seq_id": number, "qsl_idx": number, "data": "00" * 1000})
        for number in range(5000)
    )
    path.write_text("[\n" + ",\n".join(entries) + "\n]\n")
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_accuracy_log(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 5000
    assert peak < path.stat().st_size / 20
