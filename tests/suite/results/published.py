"""Some results that MLCommons has published, as facts, in the form of its summary."""

from typing import Any

V51, V41 = "v5.1", "v4.1"
_SPR = "GATEOverflow_Intel_SPR_i9-ctuning_cpp_tflite-cpu-tflite_vmaster-with_live_preprocessing"

# round, submitter, division, category, platform, folder, model, scenario, processor, processors,
# accelerator, accelerators, accuracy, value, unit, inferred
ROWS = [
    (V51, "AMD", "closed", "datacenter", "8xMI300X_2xEPYC_9575F", "llama2-70b-99", "llama2-70b-99",
     "Offline", "AMD EPYC 9575F", 2, "AMD Instinct MI300X 192GB HBM3", 8,
     "ROUGE1: 44.4465  ROUGE2: 22.0638  ROUGEL: 28.625  TOKENS_PER_SAMPLE: 301.1", 27803.9,
     "Tokens/s", 0),
    (V41, "ASUSTeK", "closed", "datacenter", "ESC4000A_E12_4XH100_TRT", "bert-99", "bert-99",
     "Offline", "AMD EPYC 9654 96-Core Processor", 1, "NVIDIA H100-NVL-94GB", 4.0,
     "F1: 90.35676151551918", 24173.2, "Samples/s", 0),
    *(
        (V51, "GATEOverflow", "open", "edge", _SPR, f"mobilenet-v1-precision_float-0.5-{size}",
         "resnet", scenario, "13th Gen Intel(R) Core(TM) i9-13900K", 1, "", "", accuracy, value,
         unit, int(scenario != "SingleStream"))
        for size, accuracy, figures in (
            (128, "acc: 57.918", (0.713863, 5.81, 1415.64)),
            (160, "acc: 60.842", (1.064632, 8.649792, 948.803)),
            (192, "acc: 63.244", (1.547502, 12.577464, 652.51)),
        )
        for scenario, value, unit in zip(
            ("SingleStream", "MultiStream", "Offline"), figures,
            ("Latency (ms)", "Latency (ms)", "Samples/s"), strict=True,
        )
    ),
]  # fmt: skip


def summary() -> list[dict[str, Any]]:
    """The records."""
    return [
        {
            "ID": "5.1-0001", "Submitter": submitter, "Availability": "available",
            "Category": division, "Suite": category, "System": platform, "Platform": platform,
            "UsedModel": folder, "Model": model, "Scenario": scenario, "Accuracy": accuracy,
            "Nodes": 1, "Processor": processor, "host_processors_per_node": processors,
            "host_processor_core_count": "64", "Accelerator": accelerator, "a#": accelerators,
            "Location": f"{division}/{submitter}/results/{platform}/{folder}/{scenario.lower()}",
            "Software": "", "operating_system": "", "Notes": "", "compliance": 1, "errors": 0,
            "version": round_, "inferred": inferred, "has_power": False,
            "weight_data_types": "fp32", "p#": processors, "Details": "https://example.org",
            "Performance_Result": value, "Performance_Units": unit,
        }
        for (round_, submitter, division, category, platform, folder, model, scenario, processor,
             processors, accelerator, accelerators, accuracy, value, unit, inferred) in ROWS
    ]  # fmt: skip
