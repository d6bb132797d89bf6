"""Models that stay loaded, on the null backend: how many, how much, and who goes first."""

import contextlib

import pytest

from loadscope.rundir.spec import make_spec
from loadscope.suite.run.machine import measuring
from loadscope.suite.web import warm_pool
from loadscope.suite.web.warm_pool import WarmPool


@pytest.fixture
def pool(cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    made = WarmPool()
    yield made
    made.remove()


@pytest.fixture
def spec(manifest):
    path = manifest()

    def make(threads):
        told = {"model": "tiny", "framework": "null", "scenario": "SingleStream",
                "threads": threads, "models": (path,)}  # fmt: skip
        return make_spec(told, "test")

    return make


@contextlib.contextmanager
def used(pool, spec):
    with pool.use(spec, lambda *_: None) as (warm, fresh):
        yield warm.model, fresh


def test_the_one_not_used_the_longest_goes_first(pool, spec, monkeypatch):
    monkeypatch.setattr(warm_pool, "MOST_MODELS", 2)
    with used(pool, spec(1)) as (first, fresh):
        assert fresh
    with used(pool, spec(2)) as (second, _):
        pass
    with used(pool, spec(1)) as (again, fresh):
        assert again is first and not fresh
    with used(pool, spec(3)) as (third, _):
        assert len(pool) == 2 and not second.alive and first.alive and third.alive
    monkeypatch.setattr(warm_pool, "_MEMORY_SHARE", 0.0)
    with used(pool, spec(3)):
        assert len(pool) == 1 and not first.alive and third.alive


def test_all_give_way_to_a_test_and_one_that_died_is_loaded_again(pool, spec, tmp_path):
    with used(pool, spec(1)) as (first, _):
        pool.give_way()
        assert first.alive
        first._process.kill()
        first._process.wait()
    assert len(pool) == 0
    with used(pool, spec(1)) as (second, fresh):
        assert fresh and second.alive
    with measuring(tmp_path / "measured"):
        pool.give_way()
    assert len(pool) == 0 and not second.alive
