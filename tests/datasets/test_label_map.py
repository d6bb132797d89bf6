from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadscope.datasets.adapters.image_label.label_map import read_label_map, write_label_map
from loadscope.errors import InputError

in_one_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_usable(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        name.split() == [name]
        and str(path) == name
        and name != "."
        and not path.is_absolute()
        and ".." not in path.parts
        and not name.startswith("\ufeff")
    )


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
).filter(is_usable)
maps = st.dictionaries(names, st.integers(0, 999), min_size=1, max_size=20)


def read_text(folder: Path, text: str | bytes, classes: int = 1000) -> list[tuple[str, int]]:
    path = folder / "val_map.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(image.name, image.label) for image in read_label_map(path, classes)]


@in_one_folder
@given(images=maps)
def test_what_is_written_is_read_back_in_order(tmp_path: Path, images: dict[str, int]) -> None:
    write_label_map(tmp_path / "val_map.txt", images.items())
    read = read_label_map(tmp_path / "val_map.txt", 1000)
    assert [(image.name, image.label) for image in read] == list(images.items())
    assert [image.line for image in read] == list(range(1, len(images) + 1))


@in_one_folder
@given(images=maps, blanks=st.lists(st.sampled_from(["\r\n", "\n", "  \t\r\n"]), max_size=20))
def test_dos_line_ends_and_blank_lines_change_nothing(
    tmp_path: Path, images: dict[str, int], blanks: list[str]
) -> None:
    lines = [f"{name}\t {label}\r\n" for name, label in images.items()]
    for number, blank in enumerate(blanks):
        lines.insert(2 * number, blank)
    assert read_text(tmp_path, "".join(lines)) == list(images.items())


@in_one_folder
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused_with_the_file_named(tmp_path: Path, content: bytes) -> None:
    try:
        images = read_text(tmp_path, content)
    except InputError as error:
        assert str(tmp_path / "val_map.txt") in error.message
    else:
        assert all(is_usable(name) and 0 <= label < 1000 for name, label in images)


@in_one_folder
@given(images=maps, data=st.data())
def test_a_repeated_name_is_refused_with_both_lines(
    tmp_path: Path, images: dict[str, int], data: st.DataObject
) -> None:
    lines = [f"{name} {label}" for name, label in images.items()]
    again = data.draw(st.integers(0, len(lines) - 1))
    lines.append(f"{list(images)[again]} 5")
    with pytest.raises(InputError, match=f":{len(lines)}: .* already on line {again + 1}"):
        read_text(tmp_path, "\n".join(lines))


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read_text(tmp_path, b"\xef\xbb\xbfa.JPEG 1\n") == [("a.JPEG", 1)]


def test_lines_are_counted_with_the_blank_ones(tmp_path: Path) -> None:
    (tmp_path / "val_map.txt").write_text("\n\na.JPEG 1\n\nb.JPEG 2")
    assert [image.line for image in read_label_map(tmp_path / "val_map.txt", 3)] == [3, 5]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b.JPEG", "1 fields"),
        ("b.JPEG 1 2", "3 fields"),
        ("my photo.JPEG 1", "3 fields"),
        ("b.JPEG one", "'one' is not an integer"),
        ("b.JPEG 1.0", "'1.0' is not an integer"),
        ("b.JPEG 1_0", "'1_0' is not an integer"),
        ("b.JPEG \u0661", "is not an integer"),
        ("b.JPEG " + "9" * 5000, "is not an integer"),
        ("b.JPEG -1", "class -1 is outside 0..9"),
        ("b.JPEG 10", "class 10 is outside 0..9"),
        ("../b.JPEG 1", "leaves the image folder"),
        ("x/../b.JPEG 1", "leaves the image folder"),
        ("/tmp/b.JPEG 1", "absolute path"),
        ("./b.JPEG 1", "shortest form"),
        ("x//b.JPEG 1", "shortest form"),
        ("b\0.JPEG 1", "NUL"),
        ("a.JPEG 1", "already on line 1"),
    ],
)
def test_a_bad_line_is_named_by_number_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(tmp_path, f"a.JPEG 0\n\n{line}\n", classes=10)
    assert f"{tmp_path / 'val_map.txt'}:3: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize("text", ["", "\n \r\n\t\n"])
def test_a_map_without_images_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="names no image"):
        read_text(tmp_path, text)


def test_a_map_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"val_map\.txt:2: not UTF-8"):
        read_text(tmp_path, b"a.JPEG 0\nb\xff.JPEG 1\n")


def test_a_missing_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_label_map(tmp_path / "val_map.txt", 1000)


@pytest.mark.parametrize(
    "images",
    [
        [],
        [("a b", 1)],
        [("", 1)],
        [("../a", 1)],
        [("\ud800", 1)],
        [("\ufeffa", 1)],
        [("a", -1)],
        [("a", 1), ("a", 2)],
    ],
)
def test_a_map_that_could_not_be_read_back_is_not_written(
    tmp_path: Path, images: list[tuple[str, int]]
) -> None:
    with pytest.raises(InputError):
        write_label_map(tmp_path / "val_map.txt", images)
    assert not list(tmp_path.iterdir())
