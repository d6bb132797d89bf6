"""Generated answers under LoadGen, from a manifest to what is recorded; answers worked by hand."""

import json

import numpy as np
import pytest
from tests.scenarios.token_models import END, WORDS, answer
from tests.suite.run.sums import ROWS, WORDS_OF, entry, run, sum_folder, write

from loadscope.errors import InputError
from loadscope.rundir.accuracy_log import Answer, read_accuracy_log
from loadscope.submission.compliance.tokens import judge_tokens
from loadscope.suite.models.manifest import Catalogue


@pytest.fixture
def folder(tmp_path):
    return sum_folder(tmp_path)


def test_server_is_judged_by_its_tokens_and_answers_are_those_of_a_hand(folder, loadscope):
    rows = [row for row in ROWS if len(row[0]) <= 8]
    assert len(rows) < len(ROWS)
    (folder / "rows.jsonl").write_text(
        "".join(
            json.dumps({"text": text, "reference": said, "most_new_tokens": most}) + "\n"
            for text, said, most in rows
        )
    )
    write(folder, entry(folder))
    done = run(
        loadscope, "Server", "--mode", "performance", "--mode", "accuracy", "--target-qps", "50",
        "--ttft-latency", "5s", "--tpot-latency", "5s", "--token-budget", "40", "--output", "out",
        "--json",
    )  # fmt: skip
    result = json.loads(done.stdout)
    tokens = result["tokens"]
    assert tokens["ttft_bound_ns"] == tokens["tpot_bound_ns"] == 5e9
    assert 0 < tokens["ttft_ns"]["50"] <= tokens["ttft_ns"]["99"]
    assert tokens["per_second"] > result["samples_per_second"]
    log = folder / "out" / "accuracy" / "mlperf_log_accuracy.json"
    answers = list(read_accuracy_log(log))
    found = {one.index: np.frombuffer(one.payload, "<i4").tolist() for one in answers}
    said = {
        index: answer([WORDS_OF[one] for one in text], most or 12)
        for index, (text, _, most) in enumerate(rows)
    }
    assert found == said
    # First tokens and counts are what TEST06 looks at.
    judged = judge_tokens(answers, [END], offline=False)
    assert judged.passed and judged.text().count("True") == 3
    assert {one.tokens for one in answers} == {len(one) for one in said.values()}
    score = result["accuracy"]
    assert score["details"]["tokens_per_sample"] == pytest.approx(
        np.mean([len(one) for one in said.values()]), abs=1e-4
    )
    assert json.loads(loadscope("accuracy", "out", "--json").stdout) == score


def test_a_prompt_that_is_too_long_ends_the_run_before_it_begins(folder, loadscope):
    write(folder, entry(folder))
    done = run(loadscope, "Offline", "--output", "out", status=2)
    assert "rows.jsonl:3: the prompt has 9 tokens, expected 1 to 8" in done.stderr


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"end_tokens": []}, "end_tokens: expected the ids of the tokens that end an answer"),
        ({"end_tokens": [WORDS]}, f"{WORDS} is outside 0..{WORDS - 1}, the model's vocabulary"),
        ({"context": 9}, "a prompt of 8 tokens leaves no room for an answer"),
    ],
)
def test_a_decoder_that_cannot_end_is_refused(folder, answers, said):
    write(folder, entry(folder, **answers))
    with pytest.raises(InputError) as refused:
        Catalogue.load((folder / "models.yaml",))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mask": "attention"}, "'attention' is not among the inputs"),
        ({"mask": ""}, "nothing is given to the input 'attention_mask'"),
        ({"logits": "scores"}, "'scores' is not among the outputs"),
        ({"layers": 0, "states": []}, "ONNX Runtime needs states"),
        ({"layers": 0}, "expected how many have states, got 0"),
        ({"states": [{"past": "p", "present": "present.*", "shape": [1, -1]}]}, "expected one *"),
        ({"states": [{"past": "p.*", "present": "n.*", "shape": [1, 2]}]}, "one -1, of the tokens"),
    ],
)
def test_a_decoder_that_is_wired_wrongly_is_refused(folder, change, said):
    model = entry(folder)
    model["artifacts"]["onnxruntime"]["decoder"] |= change
    write(folder, model)
    with pytest.raises(InputError) as refused:
        Catalogue.load((folder / "models.yaml",))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "Server", "--interactive"), "has no scenario Interactive of"),
        (
            ("--scenario", "Offline", "--instances", "2"),
            "expected 1 for a model that generates",
        ),
        (("--scenario", "Server", "--ttft-latency", "1.5ms"), "expected whole milliseconds"),
    ],
)
def test_what_generation_does_not_go_with_is_refused(folder, loadscope, arguments, said):
    (folder / "rows.jsonl").write_text('{"text": "a", "reference": "b"}\n')
    write(folder, entry(folder))
    done = run(loadscope, *arguments[1:], status=2)
    assert said in " ".join(done.stderr.split())


def tokens_of(*ids: int) -> bytes:
    return np.array(ids, "<i4").tobytes()


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (Answer(4, tokens_of(1, 2), tokens_of(3), 2), "sample 4: first token [3]"),
        (Answer(4, tokens_of(1, 2), None, 2), "sample 4: first token []"),
        (Answer(4, tokens_of(1, END, END), tokens_of(1), 3), "sample 4: two tokens that end"),
        (Answer(4, tokens_of(1, 2), tokens_of(1), 3), "LoadGen was told of 3 tokens, there are 2"),
        (Answer(4, b"abcde", tokens_of(1), 1), "first token"),
    ],
)
def test_answers_that_are_not_whole_fail_test06(one, fault):
    judged = judge_tokens([one], [END], offline=False)
    assert not judged.passed and fault in judged.reason
    assert "verification failed" in judged.text()


def test_test06_of_no_answer_fails_and_offline_has_no_first_tokens():
    assert not judge_tokens([], [END], offline=True).passed
    judged = judge_tokens([Answer(0, tokens_of(1, END), None, 2)], [END], offline=True)
    assert judged.passed and "First token check pass: Skipped\n" in judged.text()
