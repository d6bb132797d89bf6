"""Packages of Debian and of npm: archives as those have them, clients that copy them."""

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from loadscope.archives import opened
from loadscope.datasets.catalog import catalog
from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.fetch.files import fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import PackageSource, parse_source

FILES = {"usr/share/a/first.bin": b"first" * 100, "usr/share/a/second.bin": b"second"}


def tar(names: dict[str, bytes], prefix: str, mode: Any) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, data in names.items():
            member = tarfile.TarInfo(f"{prefix}{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def write_deb(path: Path, names: dict[str, bytes]) -> Path:
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar({"control": b"odd"}, "./", "w:xz"),
        "data.tar.xz": tar(names, "./", "w:xz"),
    }
    content = b"!<arch>\n"
    for name, data in parts.items():
        content += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        content += data + b"\n" * (len(data) % 2)
    path.write_bytes(content)
    return path


def write_client(folder: Path, name: str, line: str) -> None:
    folder.mkdir(exist_ok=True)
    client = folder / name
    client.write_text(f"#!/bin/sh\n{line}\n")
    client.chmod(0o755)


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A folder of clients, before all others."""
    folder = tmp_path / "clients"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_file_of_a_debian_package_is_fetched_by_apt_get(clients, tmp_path, progress):
    deb = write_deb(tmp_path / "a.deb", FILES)
    write_client(clients, "apt-get", f'[ "$3" = "ab=1.0-1" ] && cp {deb} "$PWD"')
    source = parse_source("deb:ab==1.0-1#usr/share/a/second.bin")
    assert isinstance(source, PackageSource)
    sha256 = hashlib.sha256(b"second").hexdigest()
    fetched = fetch_file(source, Checksum(sha256), tmp_path / "cache", progress)
    assert fetched.path.read_bytes() == b"second"
    with pytest.raises(InputError, match=r"'usr/share/a/secnd.bin' not found in a\.deb") as caught:
        source = PackageSource(source.package, "usr/share/a/secnd.bin")
        fetch_file(source, Checksum(), tmp_path / "cache", progress)
    assert "usr/share/a/second.bin" in caught.value.fix


def test_a_file_of_a_package_of_npm_is_fetched_by_npm(clients, tmp_path, progress):
    tgz = tmp_path / "scope-models-3.0.4.tgz"
    tgz.write_bytes(tar({"models/x.bin": b"weights"}, "package/", "w:gz"))
    write_client(clients, "npm", f'[ "$3" = "@scope/models@3.0.4" ] && cp {tgz} "$PWD"')
    source = parse_source("npm:@scope/models==3.0.4#models/x.bin")
    assert isinstance(source, PackageSource)
    fetched = fetch_file(source, Checksum(), tmp_path / "cache", progress)
    assert fetched.path.read_bytes() == b"weights"


def test_what_a_client_says_is_passed_on_with_what_mends_it(clients, tmp_path, progress):
    write_client(clients, "apt-get", "echo 'E: Unable to locate package a' >&2; exit 100")
    source = parse_source("deb:ab==1.0-1#b")
    assert isinstance(source, PackageSource)
    said = "apt-get cannot download ab==1.0-1: Unable to locate package a"
    with pytest.raises(WorkError, match=said) as caught:
        fetch_file(source, Checksum(), tmp_path / "cache", progress)
    assert caught.value.fix.startswith("apt-get update, then ")


def test_without_the_client_the_user_is_told_where_to_put_the_file(tmp_path, progress, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    source = parse_source("npm:models==3.0.4#x.bin")
    assert isinstance(source, PackageSource)
    with pytest.raises(InputError, match="npm not found") as caught:
        fetch_file(source, Checksum(), tmp_path / "cache", progress)
    assert "place it at" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"no archive", b"!<arch>\n" + b"x" * 60])
def test_a_damaged_package_is_an_error_of_its_own(tmp_path, content):
    path = tmp_path / "torn.deb"
    path.write_bytes(content)
    with pytest.raises(WorkError, match=r"torn\.deb is damaged"), opened(path) as package:
        package.names()


@pytest.fixture
def of_two_files(monkeypatch):
    """Fashion-MNIST as if it had two files of this test's package."""
    entry = catalog()["fashion-mnist"]
    (some, *_) = entry.files.values()
    files = {
        Path(name).name: some.model_copy(
            update={"path": name, "sha256": hashlib.sha256(data).hexdigest()}
        )
        for name, data in FILES.items()
    }
    monkeypatch.setitem(catalog(), "fashion-mnist", entry.model_copy(update={"files": files}))


def test_a_data_set_is_laid_out_from_a_package_that_the_user_has(of_two_files, tmp_path, progress):
    deb = write_deb(tmp_path / "a.deb", FILES)
    folder = fetch_dataset("fashion-mnist", tmp_path / "cache", progress, given=deb)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "first.bin": FILES["usr/share/a/first.bin"], "second.bin": b"second",
    }  # fmt: skip


def test_another_package_is_refused_and_nothing_is_kept(of_two_files, tmp_path, progress):
    changed = {**FILES, "usr/share/a/second.bin": b"other"}
    deb = write_deb(tmp_path / "a.deb", changed)
    with pytest.raises(InputError, match=r"second\.bin of a\.deb: expected sha256"):
        fetch_dataset("fashion-mnist", tmp_path / "cache", progress, given=deb)
    deb = write_deb(tmp_path / "b.deb", {"x": b""})
    with pytest.raises(InputError, match=r"first\.bin' not found in b\.deb"):
        fetch_dataset("fashion-mnist", tmp_path / "cache", progress, given=deb)
    assert not (tmp_path / "cache" / "datasets" / "fashion-mnist").exists()
