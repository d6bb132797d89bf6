from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.paths import cache_location, cache_root


def test_the_variable_moves_the_cache_and_the_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "a" / "b"))
    assert cache_root() == tmp_path / "a" / "b"
    assert cache_root().is_dir()


def test_without_the_variable_it_is_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("LOADSCOPE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_location() == tmp_path / "loadscope"


def test_a_relative_folder_does_not_depend_on_where_it_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_CACHE", "here")
    assert cache_location() == tmp_path / "here"


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null/none"])
def test_a_folder_that_cannot_be_made_is_refused_by_name(monkeypatch, place):
    monkeypatch.setenv("LOADSCOPE_CACHE", place)
    with pytest.raises(InputError, match=f"cannot make the cache folder {place}") as caught:
        cache_root()
    assert "LOADSCOPE_CACHE" in caught.value.fix


def test_a_folder_that_cannot_be_written_to_is_refused_by_name(monkeypatch):
    # Root may write to any folder but those of the kernel.
    assert Path("/proc/self").is_dir()
    monkeypatch.setenv("LOADSCOPE_CACHE", "/proc/self")
    with pytest.raises(InputError, match="/proc/self"):
        cache_root()
