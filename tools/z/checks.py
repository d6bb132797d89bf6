"""What is run on emulated s390x, and what cannot be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """Tests of the project that run there.

    Attributes:
        title: The row's name.
        tests: Files or folders under ``tests/``.
    """

    title: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A check and how it ended.

    Attributes:
        check: What was checked.
        passed: Whether it holds.
        detail: Its figures, and what is expected to differ.
        seconds: How long it took.
    """

    check: str
    passed: bool
    detail: str
    seconds: float


SUITES = (
    Suite("byte order of all files and payloads", ("golden/test_byte_order.py",)),
    Suite(
        "image preprocessing and sample cache",
        (
            "datasets/test_image_decode.py", "datasets/test_image_geometry.py",
            "datasets/test_image_library.py", "datasets/test_image_preprocess.py",
            "datasets/test_sample_cache.py", "datasets/test_file_digests.py",
            "datasets/test_imagenet.py", "datasets/test_label_map.py",
        ),
    ),
    Suite(
        "payloads and accuracy scoring",
        (
            "datasets/test_accuracy_log.py", "datasets/test_classification.py",
            "datasets/test_top_classes.py", "datasets/coco/test_coco_score.py",
            "datasets/coco/test_nms.py", "datasets/coco/test_detection.py",
            "datasets/coco/test_detection_heads.py",
            "datasets/coco/test_letterbox.py", "datasets/squad/test_squad_json.py",
            "datasets/squad/test_squad_logits.py", "datasets/squad/test_squad_metrics.py",
        ),
    ),
    Suite("LoadGen drivers, all scenarios", ("scenarios",)),
    Suite(
        "manifests, specs and settings",
        (
            "models/test_manifest.py", "models/test_source.py", "models/test_strict_yaml.py",
            "suite/test_spec.py", "suite/test_targets.py", "suite/test_units.py",
        ),
    ),
    Suite("submission rules and report figures", ("submission", "report/test_latencies.py",
                                                  "report/test_batches.py")),
    Suite("MXNet .params in both byte orders", ("tools/test_byteorder.py",)),
)  # fmt: skip

LEFT_OUT = {
    "datasets/squad/test_squad.py and its neighbours with a tokenizer": (
        "tokenizers is written in Rust and not in Debian's s390x archive"
    ),
    "sut/ on TensorFlow and MXNet": "neither is built for s390x by Debian",
}

# Where a test's own claim does not hold there, and why that is no fault of the suite.
EXPECTED = {
    "test_an_upright_image_is_treated_as_a_lying_one": (
        "OpenCV's area resampling rounds one value of 150,528 otherwise by one grey level"
    ),
    "test_only_the_loaded_samples_are_resident": (
        "the emulator does not give a process its own memory map"
    ),
}
