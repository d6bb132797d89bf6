import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.suite.fetch.libraries import library_folder


def quiet(*_):
    """Progress that nobody watches."""


def test_what_is_installed_is_not_brought(tmp_path):
    version = importlib.metadata.version("click")
    assert library_folder([f"click=={version}"], tmp_path, quiet) is None


def test_without_a_way_to_it_the_message_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot bring no-such-library==1.0") as caught:
        library_folder(["no-such-library==1.0"], tmp_path / "cache", quiet)
    assert "--target" in caught.value.fix and "then copy FOLDER to" in caught.value.fix
    assert not [one for one in (tmp_path / "cache" / "libraries").iterdir() if one.is_dir()]


def test_a_library_is_brought_once_and_not_installed(tmp_path, monkeypatch):
    wheel(tmp_path / "tiny_library-1.0-py3-none-any.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    folder = library_folder(["tiny-library==1.0"], tmp_path / "cache", quiet)
    assert folder is not None
    assert (folder / "tiny_library.py").is_file()
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert library_folder(["tiny-library==1.0"], tmp_path / "cache", quiet) == folder


def wheel(path: Path) -> None:
    name = "tiny_library-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_library.py", "")
        facts = "Metadata-Version: 2.1\nName: tiny-library\nVersion: 1.0\n"
        archive.writestr(f"{name}/METADATA", facts)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{name}/WHEEL", tags)
        archive.writestr(f"{name}/RECORD", "")
