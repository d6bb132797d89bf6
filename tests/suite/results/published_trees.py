"""Trees of published results: facts of each round, in files of our own making in its form."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fact:
    """A published result: what LoadGen logged, and what MLCommons printed of it."""

    round: str
    division: str
    submitter: str
    platform: str
    folder: str
    scenario: str
    log: dict[str, Any]
    accuracy_file: str
    benchmark: str
    value: float
    unit: str
    inferred: int
    accuracy: str
    weights: str

    @property
    def location(self) -> str:
        return "/".join(
            (self.division, self.submitter, "results", self.platform, self.folder, self.scenario)
        )


_TFLITE = "MacBookPro.ultrahub-ctuning_cpp_tflite-cpu-tflite_vmaster-default_config"
_STREAM = {
    "effective_scenario": "SingleStream", "early_stopping_latency_ss": 12773875,
    "early_stopping_latency_ms": 13009666, "result_qps_without_loadgen_overhead": 79.1637,
}  # fmt: skip
_TOP1 = "accuracy=75.068%, good=37534, total=50000\n"
_LLAMA = (
    "{'rouge1': 44.4542, 'rouge2': 22.0419, 'rougeL': 28.6112, 'rougeLsum': 42.0341, "
    "'gen_len': 29579723, 'gen_num': 24576, 'gen_tok_len': 7399913, 'tokens_per_sample': 301.1}\n"
)
FACTS = [
    # Tokens are inferred from a fixed length.
    Fact("v4.1", "closed", "NVIDIA", "H200-SXM-141GBx8_TRT", "gptj-99", "Offline",
         {"effective_scenario": "Offline", "result_samples_per_second": 291.103,
          "result_inferred_tokens_per_second": 20086.1},
         "{'rouge1': 43.1017, 'rouge2': 20.1125, 'rougeL': 29.9751, 'rougeLsum': 40.2446, "
         "'gen_len': 4114386, 'gen_num': 13368}\n",
         "gptj-99", 20086.1, "Tokens/s", 0,
         "ROUGE1: 43.1017  ROUGE2: 20.1125  ROUGEL: 29.9751  GEN_LEN: 4114386", "fp16"),
    # One run of SingleStream stands for three scenarios; the open division maps its models.
    *(Fact("v5.0", "open", "GATEOverflow", _TFLITE, "efficientnet-fp32-lite0", scenario, _STREAM,
           _TOP1, "resnet", value, unit, inferred, "acc: 75.068", "fp32")
      for scenario, value, unit, inferred in (
          ("singlestream", 12.773875, "Latency (ms)", 0),
          ("multistream", 104.077328, "Latency (ms)", 1),
          ("offline", 79.1637, "Samples/s", 1))),
    # A scenario that is LoadGen's Server; a file of weights in other letters.
    Fact("v5.1", "closed", "AMD", "8xMI300X_2xEPYC_9575F", "llama2-70b-99", "Interactive",
         {"effective_scenario": "Server", "requested_use_token_latencies": True,
          "result_completed_samples_per_sec": 29.4065,
          "result_completed_tokens_per_second": 8840.42},
         _LLAMA, "llama2-70b-99", 8840.42, "Tokens/s", 0,
         "ROUGE1: 44.4542  ROUGE2: 22.0419  ROUGEL: 28.6112  TOKENS_PER_SAMPLE: 301.1", "fp8"),
    # Early stopping looks at the first token, what is printed at the whole answer.
    Fact("v5.1", "closed", "Intel", "1-node-1x-BMG-Pro-B60-Dual", "llama3.1-8b-edge",
         "SingleStream",
         {"effective_scenario": "SingleStream", "requested_use_token_latencies": True,
          "early_stopping_latency_ss": 272739682,
          "result_90.00_percentile_latency_ns": 3545895439},
         "", "llama3.1-8b-edge", 3545.895439, "Latency (ms)", 0, "", "int4"),
    # The one benchmark whose latency is printed in seconds, and the one whose tokens are samples.
    Fact("v6.0", "closed", "Cisco", "C880A_M8_B300_288GBx8_TRT", "wan-2.2-t2v-a14b",
         "SingleStream",
         {"effective_scenario": "SingleStream", "early_stopping_latency_ss": 21425919695},
         "", "wan-2.2-t2v-a14b", 21.425919695, "Latency (s)", 0, "", "fp8"),
    Fact("v6.0", "closed", "ASUSTeK", "ESC8000A_E13P_RTX_PRO_6000_PCIE_96GBx8_TRT", "whisper",
         "Offline",
         {"effective_scenario": "Offline", "requested_use_token_latencies": True,
          "result_samples_per_second": 288.975, "result_tokens_per_second": 18338.3},
         "Word Error Rate: 2.1603205268517374%, accuracy=97.83967947314827%\n",
         "whisper", 18338.3, "Samples/s", 0, "ACCURACY: 97.83967947314827", "fp16"),
    Fact("v6.1", "closed", "AMD", "8xMI355X_2xEPYC_9575F", "llama2-70b-99.9", "Interactive",
         {"effective_scenario": "Server", "requested_use_token_latencies": True,
          "result_completed_samples_per_sec": 258.22,
          "result_completed_tokens_per_second": 73191.51},
         "", "llama2-70b-99.9", 73191.51, "Tokens/s", 0, "", "fp4"),
]  # fmt: skip


def write_tree(root: Path, facts: list[Fact]) -> Path:
    """A round's repository with some results, in the round's layout; returns its folder."""
    tree = root / f"inference_results_{facts[0].round}"
    for fact in facts:
        home = tree / fact.division / fact.submitter
        run = tree / fact.location / "performance" / "run_1"
        run.mkdir(parents=True)
        log = {**fact.log, "result_validity": "VALID"}
        (run / "mlperf_log_detail.txt").write_text(
            "".join(
                ":::MLLOG "
                + json.dumps({"key": key, "value": value, "metadata": {"is_error": False}})
                + "\n"
                for key, value in log.items()
            )
        )
        accuracy = tree / fact.location / "accuracy"
        accuracy.mkdir()
        (accuracy / "accuracy.txt").write_text(fact.accuracy_file + "hash=00\n")
        _write(home / "systems" / f"{fact.platform}.json", {
            "system_name": f"The {fact.platform}", "system_type": "datacenter,edge",
            "status": "available", "framework": "", "host_processor_model_name": "AMD EPYC 9575F",
            "host_processors_per_node": "2", "host_processor_core_count": 64,
            "number_of_nodes": 1, "accelerators_per_node": "0", "accelerator_model_name": "N/A",
        })  # fmt: skip
        weights = {"weight_data_types": fact.weights}
        if fact.round >= "v6.0":
            _write(tree / fact.location / "measurements.json", weights)
        else:
            apart = tree / fact.location.replace("/results/", "/measurements/", 1)
            _write(apart / f"{fact.platform.upper()}_{fact.scenario}.json", weights)
        if fact.folder != fact.benchmark:
            _write(home / "model_mapping.json", {fact.folder: fact.benchmark})
    return tree


def _write(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
