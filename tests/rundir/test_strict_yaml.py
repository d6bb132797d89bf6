from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from loadscope.errors import InputError
from loadscope.strict_yaml import read_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    batch_size: PositiveInt
    name: str = ""


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    parts: dict[str, Inner]
    numbers: tuple[float, ...] = ()
    some: Annotated[tuple[Inner, ...], Field(min_length=1)] = (Inner(batch_size=1),)


@pytest.fixture
def refused(tmp_path):
    """The error that a text gives, as shown to the user."""

    def read(text: str | bytes) -> str:
        path = tmp_path / "some.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(InputError) as caught:
            read_yaml(path, Outer)
        assert str(path) in caught.value.message
        return str(caught.value)

    return read


def test_a_fitting_file_is_read(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("parts: {a: {batch_size: 4}}\nnumbers: [1, 2.5]\n")
    read = read_yaml(path, Outer)
    assert read.parts["a"].batch_size == 4
    assert read.numbers == (1.0, 2.5)


def test_an_unknown_key_names_line_path_and_the_near_name(refused):
    error = refused("parts:\n  a:\n    batch_size: 1\n    nmae: x\n")
    assert "line 4: unknown key 'parts.a.nmae'" in error
    assert "did you mean 'name'? known here: batch_size, name" in error


def test_a_missing_key_names_the_part_that_lacks_it(refused):
    assert "line 2: missing key 'parts.a.batch_size'" in refused("parts:\n  a:\n    name: x")


@pytest.mark.parametrize("value", ["'4'", "4.5", "true", "four", "-1", "0", "null", "[4]"])
def test_a_value_of_another_type_is_not_converted(refused, value):
    assert "line 1: parts.a.batch_size" in refused(f"parts: {{a: {{batch_size: {value}}}}}")


def test_a_key_that_comes_twice_is_refused(refused):
    error = refused("parts:\n  a: {batch_size: 1}\n  a: {batch_size: 2}\n")
    assert "line 3: the key 'a' comes twice" in error


def test_all_faults_are_told_each_with_its_line(refused):
    error = refused(
        "parts:\n  a:\n    batch_size: four\n    nmae: x\n  a: {batch_size: 1}\n"
        "  b:\n    name: 3\nnumbers: [1, two]\n"
    )
    lines = error.splitlines()
    assert [line.partition(" line ")[2].partition(":")[0] for line in lines[:-1]] == [
        "5", "6", "7", "8",
    ]  # fmt: skip
    assert "the key 'a' comes twice" in lines[0]
    assert "missing key 'parts.b.batch_size'" in lines[1]
    assert "parts.b.name: expected a valid string, got 3" in lines[2]
    assert "numbers.1" in lines[3]
    assert lines[-1] == "  fix: correct these 4 places"


def test_a_wrong_item_is_told_alone(refused):
    error = refused("parts: {}\nsome:\n  - batch_size: no\n")
    assert "line 3: some.0.batch_size: " in error
    assert len(error.splitlines()) == 2
    assert "line 2: some: tuple should have at least 1 item" in refused("parts: {}\nsome: []\n")


def test_unknown_keys_do_not_hide_what_else_is_wrong(refused):
    error = refused("parts:\n  a:\n    batch_size: four\n    nmae: x\n    sise: 1\n")
    assert "line 3: parts.a.batch_size" in error
    assert "line 4: unknown key 'parts.a.nmae' (did you mean 'name'?" in error
    assert "line 5: unknown key 'parts.a.sise' (known here" in error


def test_a_key_that_is_not_text_is_refused(refused):
    assert "line 1: a key must be text" in refused("parts: {1: {batch_size: 1}}")


def test_a_syntax_error_names_its_line(refused):
    assert "line 2:" in refused("parts:\n  a: b: c\n")


def test_a_date_is_plain_text(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("parts: {a: {batch_size: 1, name: 2026-11-22}}")
    assert read_yaml(path, Outer).parts["a"].name == "2026-11-22"


def test_merge_keys_and_anchors_work(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("parts:\n  a: &a {batch_size: 1, name: x}\n  b: {<<: *a, name: y}\n")
    assert read_yaml(path, Outer).parts["b"] == Inner(batch_size=1, name="y")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b"just text",
        b"- a\n- list\n",
        b"parts: !!python/object/apply:os.system ['true']",
        b"parts: !!set {a}",
        b"parts: &loop {a: *loop}",
        b"[" * 5000,
        b"numbers: [" + b"9" * 5000 + b"]",
        b"parts: {}\n---\nparts: {}\n",
        b'parts: {"\\ud800": {batch_size: 1}}',
        b"parts: {}\nnumbers: [.nan]\x00",
    ],
)
def test_what_is_no_usable_file_is_refused_without_a_traceback(refused, text):
    refused(text)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            read_yaml(path, Outer)


def test_an_unknown_key_may_look_like_the_tag_of_a_union(tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text("{<: 1}")
    with pytest.raises(InputError, match="unknown key '<'"):
        read_yaml(path, Outer)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(text=st.text() | st.binary() | _VALUES.map(repr))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text):
    path = Path(tmp_path_factory.getbasetemp()) / "any.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    try:
        assert isinstance(read_yaml(path, Outer), Outer)
    except InputError as error:
        assert str(path) in error.message
