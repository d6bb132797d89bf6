import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadscope.datasets.object_detection.coco_annotations import read_annotations
from loadscope.errors import InputError

Content = dict[str, Any]


def read(tmp_path: Path, content: Any) -> Any:
    path = tmp_path / "instances.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_annotations(path)


def test_images_keep_the_order_of_the_file(tmp_path: Path, content: Content) -> None:
    assert [image.id for image in read(tmp_path, content).images] == [70, 69, 68]


def test_an_image_without_boxes_is_kept(tmp_path: Path, content: Content) -> None:
    annotations = read(tmp_path, content)
    assert 68 not in {box.image for box in annotations.boxes}
    assert len(annotations.images) == 3


def test_a_missing_area_is_that_of_the_box(tmp_path: Path, content: Content) -> None:
    assert [box.area for box in read(tmp_path, content).boxes] == [60, 100, 310]


def test_a_crowd_region_is_marked(tmp_path: Path, content: Content) -> None:
    content["annotations"][1]["iscrowd"] = 1
    assert [box.crowd for box in read(tmp_path, content).boxes] == [False, True, False]


def test_a_box_may_reach_over_the_edge(tmp_path: Path, content: Content) -> None:
    content["annotations"][0]["bbox"] = [25, 15, 10, 10]
    assert read(tmp_path, content).boxes[0].box == (25, 15, 10, 10)


@pytest.mark.parametrize("box", [[31, 0, 5, 5], [0, 21, 5, 5], [-9, 0, 5, 5], [0, -9, 5, 5]])
def test_a_box_outside_of_its_image_is_refused(
    tmp_path: Path, content: Content, box: list[float]
) -> None:
    content["annotations"][2]["bbox"] = box
    with pytest.raises(InputError, match=r"annotations\[2\]: annotation 3: the box .* outside of"):
        read(tmp_path, content)


def remove(*keys: Any) -> Callable[[Content], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def put(value: Any, *keys: Any) -> Callable[[Content], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put(99, "annotations", 1, "image_id"), r"annotation 2 names an image_id .* not among"),
        (put(2, "annotations", 1, "category_id"), "annotation 2 names category_id 2, which"),
        (put([1, 2, -3, 4], "annotations", 0, "bbox"), "a box of negative size: -3 x 4"),
        (put([1, 2, 3], "annotations", 0, "bbox"), "bbox is a list of 3, not four numbers"),
        (put([1, 2, 3, None], "annotations", 0, "bbox"), "bbox is a list of 4, not four"),
        (put(2, "annotations", 0, "iscrowd"), "iscrowd is 2, not 0 or 1"),
        (put("big", "annotations", 0, "area"), "area is 'big', not a number"),
        (put(0, "annotations", 0, "id"), "id is 0, not an integer above 0"),
        (put(1, "annotations", 1, "id"), r"annotations\[1\] has the same id 1 as annotations\[0\]"),
        (put(70, "images", 2, "id"), r"images\[2\] has the same id 70 as images\[0\]"),
        (put("0.png", "images", 1, "file_name"), "has the same file_name '0.png'"),
        (put("../0.png", "images", 1, "file_name"), r"images\[1\]: file_name .* leaves the image"),
        (put("", "images", 1, "file_name"), r"images\[1\]: file_name '' is empty"),
        (put(0, "images", 1, "width"), r"images\[1\]: width is 0, not a number of pixels"),
        (remove("images", 1, "height"), r"images\[1\]: 'height' is missing"),
        (put(1, "categories", 1, "id"), r"categories\[1\] has the same id 1"),
        (put([], "images"), "'images' is empty"),
        (put(2**24 + 1, "categories", 1, "id"), "not an integer that float32 holds"),
        (put(None, "annotations"), "'annotations' is None, not a list: not a file of COCO object"),
        (remove("categories"), "no 'categories': not a file of COCO object annotations"),
        (put({}, "annotations"), "'annotations' is an object, not a list"),
        (put(7, "annotations", 0), r"annotations\[0\] is 7, not an object"),
    ],
)
def test_a_wrong_entry_is_named(
    tmp_path: Path, content: Content, change: Callable[[Content], None], reason: str
) -> None:
    change(content)
    with pytest.raises(InputError, match=reason) as caught:
        read(tmp_path, content)
    assert "instances.json" in caught.value.message


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\0"])
def test_what_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"instances\.json is not JSON"):
        read(tmp_path, text)


def test_what_is_no_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a list of 0, not an object"):
        read(tmp_path, [])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the annotations .*none\.json: No such"):
        read_annotations(tmp_path / "none.json")
