import hashlib

import pytest

from loadscope.errors import InputError
from loadscope.suite.fetch.files import fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import FileSource


def test_a_file_is_used_where_it_lies(tmp_path, progress):
    path = tmp_path / "w.onnx"
    path.write_bytes(b"model")
    fetched = fetch_file(FileSource(path), Checksum(), tmp_path / "cache", progress)
    assert fetched.path == path
    assert fetched.sha256 == hashlib.sha256(b"model").hexdigest()
    assert not (tmp_path / "cache").exists()


def test_a_missing_file_is_named(tmp_path, progress):
    path = tmp_path / "none.onnx"
    with pytest.raises(InputError, match=f"cannot read {path}: No such file"):
        fetch_file(FileSource(path), Checksum(), tmp_path, progress)


def test_a_file_with_another_checksum_is_refused(tmp_path, progress):
    path = tmp_path / "w.onnx"
    path.write_bytes(b"model")
    with pytest.raises(InputError, match=f"expected sha256 {'0' * 64} of the manifest"):
        fetch_file(FileSource(path), Checksum("0" * 64), tmp_path, progress)
