"""The server of a SUT as its client sees it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import urllib3
from tests.suite.serve.conftest import serving

from loadscope.errors import DeviceMemoryError, InputError, WorkError
from loadscope.rundir.spec import make_spec
from loadscope.suite.serve.served import load
from loadscope.suite.serve.server import Protection
from loadscope.sut.network.client import SutClient
from loadscope.sut.network.protocol import PREDICT, ROOT, TIMEOUT, TOKEN
from loadscope.sut.network.wire import CONTENT_TYPE, encode

BATCH = {"image": np.zeros((2, 3, 32, 32), np.float32)}


def client(port, instance=""):
    return SutClient(f"http://127.0.0.1:{port}", instance)


def test_a_batch_goes_there_and_its_answer_comes_back(sut):
    one = client(sut)
    found = one.predict(BATCH)
    assert found["scores"].shape == (2, 10) and found["scores"].flags.writeable
    assert one.name() == one.describe().name
    assert one.peak_memory() > 10 << 20


def test_what_the_sut_raises_is_raised_here(served):
    with serving(served(fail_at=1, device_samples=3)) as port:
        one = client(port)
        with pytest.raises(WorkError, match="RuntimeError: the null backend fails at batch 1"):
            one.predict(BATCH)
        with pytest.raises(DeviceMemoryError, match="with a batch of 4"):
            one.predict({"image": np.zeros((4, 3, 32, 32), np.float32)})
        assert one.predict(BATCH)["scores"].shape == (2, 10)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ({}, "the batch has no input 'image'"),
        ({"image": np.float32(1).reshape(())}, "the same number of samples"),
        ({"image": np.zeros((0, 3, 32, 32), np.float32)}, "the same number of samples"),
        ({**BATCH, "more": np.zeros(3, np.float32)}, "the same number of samples"),
        ({"image": np.zeros((5, 3, 32, 32), np.float32)}, "at most 4 samples, got 5"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(served, batch, said):
    with serving(served(most_batch=4)) as port, pytest.raises(InputError, match=said):
        client(port).predict(batch)


def test_requests_that_are_none_are_refused(sut):
    http = urllib3.PoolManager()

    def post(body, kind=CONTENT_TYPE):
        url = f"http://127.0.0.1:{sut}{PREDICT}"
        return http.request("POST", url, body=body, headers={"Content-Type": kind}, retries=False)

    assert post(encode(BATCH)).status == 200
    assert post(encode(BATCH), "application/json").status == 415
    broken = post(b"no tensors at all")
    assert broken.status == 400 and "no tensors" in broken.json()["message"]
    assert broken.json()["traceback"] == []
    assert http.request("GET", f"http://127.0.0.1:{sut}{PREDICT}").status == 405
    assert http.request("GET", f"http://127.0.0.1:{sut}/nothing").status == 404


def test_a_token_is_asked_for_on_every_path(served, monkeypatch):
    with serving(served(), token="wörd") as port:
        for path in (ROOT, f"{ROOT}/name", f"{ROOT}/memory"):
            assert urllib3.request("GET", f"http://127.0.0.1:{port}{path}").status == 401
        for wrong in ("", "w", "word"):
            monkeypatch.setenv(TOKEN, wrong)
            with pytest.raises(InputError, match="refuses us"):
                client(port).predict(BATCH)
    with serving(served(), token="word") as port:
        assert client(port).predict(BATCH)["scores"].shape == (2, 10)


@pytest.mark.parametrize("token", ["a-word\n", "a-word\r", " a-word", "a\x00b", "日本"])
def test_a_token_that_no_header_carries_is_refused_on_both_sides(monkeypatch, token):
    with pytest.raises(InputError, match=f"--token or {TOKEN}: a token takes printable Latin"):
        Protection(token).require_enough("127.0.0.1")
    if "\0" not in token:
        monkeypatch.setenv(TOKEN, token)
        with pytest.raises(InputError, match=f"{TOKEN}: a token takes printable Latin") as raised:
            client(1)
        assert token.strip() not in str(raised.value)


def test_a_token_of_latin_letters_is_known(served, monkeypatch):
    monkeypatch.setenv(TOKEN, "wörd")
    with serving(served(), token="wörd") as port:
        assert client(port).predict(BATCH)["scores"].shape == (2, 10)


def test_a_sut_that_was_started_again_is_another_one(served):
    with serving(served()) as port, pytest.raises(WorkError, match="started again"):
        client(port, "of-before").predict(BATCH)


def test_more_batches_than_have_room_are_sent_away_and_come_again(served, monkeypatch):
    held, one = threading.Event(), served()
    computed = []

    def answer(message):
        held.wait(30)
        computed.append(1)
        return one.answer(message)

    told = one.told.model_copy(update={"workers": 1})
    with (
        ThreadPoolExecutor(1) as alone,
        serving(replace(one, told=told, threads=alone, answer=answer), queue=1) as port,
        ThreadPoolExecutor(5) as callers,
    ):
        calls = [callers.submit(client(port).predict, BATCH) for _ in range(5)]
        time.sleep(0.3)
        refused = urllib3.request(
            "POST", f"http://127.0.0.1:{port}{PREDICT}", body=encode(BATCH),
            headers={"Content-Type": CONTENT_TYPE}, retries=False,
        )  # fmt: skip
        assert refused.status == 429 and refused.headers["Retry-After"] == "1"
        held.set()
        assert all(call.result(30)["scores"].shape == (2, 10) for call in calls)
        assert len(computed) == 5
        held.clear()
        first = [callers.submit(client(port).predict, BATCH) for _ in range(2)]
        time.sleep(0.2)
        monkeypatch.setenv(TIMEOUT, "0.3")
        with pytest.raises(WorkError, match=r"no room for a batch in 0\.3 s"):
            client(port).predict(BATCH)
        held.set()
        assert [len(call.result(30)) for call in first] == [1, 1]


def test_another_server_than_ours_is_no_sut(served):
    one = served()
    told = one.told.model_copy(update={"protocol": "loadscope/9"})
    with serving(replace(one, told=told)) as port, pytest.raises(InputError, match="loadscope/9"):
        client(port).describe()


@pytest.mark.parametrize(
    ("framework", "said"), [("genai", "batch by batch"), ("openinference", "a way to a SUT")]
)
def test_what_cannot_be_asked_batch_by_batch_is_not_served(framework, said):
    spec = make_spec({"model": "any", "framework": framework, "scenario": "Server"}, "test")
    with pytest.raises(InputError, match=said):
        load(spec, None, lambda *_: None)
