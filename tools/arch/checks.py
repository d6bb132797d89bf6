"""What is run on an emulated machine, and what cannot be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """Tests of the project that run there.

    Attributes:
        part: What ``--part`` calls it.
        title: The row's name.
        tests: Files or folders under ``tests/``.
    """

    part: str
    title: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class CheckRow:
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
    # The longest first, as two run side by side.
    Suite(
        "drivers",
        "LoadGen drivers, all scenarios",
        ("scenarios/test_drivers.py", "scenarios/test_shm_channel.py", "suite/run/test_verdict.py"),
    ),
    Suite(
        "images",
        "image preprocessing and sample cache",
        (
            "datasets/test_image_decode.py", "datasets/test_image_geometry.py",
            "datasets/test_image_library.py", "datasets/test_image_preprocess.py",
            "datasets/test_sample_cache.py",
        ),
    ),
    Suite(
        "scoring",
        "payloads and accuracy scoring",
        (
            "rundir/test_accuracy_log.py", "datasets/test_classification.py",
            "datasets/test_top_classes.py", "datasets/coco/test_coco_score.py",
            "datasets/coco/test_nms.py", "datasets/coco/test_detection.py",
            "datasets/coco/test_detection_heads.py", "datasets/coco/test_letterbox.py",
            "datasets/squad/test_squad_logits.py", "datasets/segmentation/test_class_maps.py",
            "datasets/segmentation/test_mean_iou.py", "datasets/texts/test_text_score.py",
            "datasets/speech/test_alphabet.py", "datasets/speech/test_task.py",
        ),
    ),
    Suite(
        "volumes",
        "volumes, instances, clicks, enhanced photographs",
        (
            "datasets/volumes/test_dice.py", "datasets/volumes/test_reshape.py",
            "datasets/volumes/test_volumes.py", "datasets/instances/test_instances.py",
            "datasets/clicks/test_clicks.py", "datasets/clicks/test_click_score.py",
            "datasets/enhancement/test_enhancement.py", "datasets/enhancement/test_quality.py",
        ),
    ),
    Suite(
        "runs",
        "speech and segmentation on ONNX Runtime under LoadGen",
        ("suite/run/test_speech_run.py", "suite/run/test_segmentation_run.py"),
    ),
    Suite(
        "words",
        "word error rates and ROUGE",
        ("datasets/speech/test_word_errors.py", "datasets/texts/test_language_generation.py"),
    ),
    Suite(
        "recordings",
        "recordings, their cache and forms",
        (
            "datasets/speech/test_recording.py", "datasets/speech/test_wave_library.py",
            "datasets/speech/test_clips.py",
        ),
    ),
    Suite(
        "byte-order",
        "byte order of all files and payloads",
        (
            "suite/golden/test_byte_order.py", "suite/report/test_latencies.py",
            "suite/report/test_batches.py",
            "tools/test_byteorder.py",
        ),
    ),
)  # fmt: skip
"""What can differ there: byte order, libraries in C and C++, LoadGen, memory and processes."""

FRAMEWORKS = ("onnxruntime", "pytorch")
PARTS = ("machine", *FRAMEWORKS, "goldens", "pixels", *(suite.part for suite in SUITES))
"""Everything that can be chosen by ``--part``, in the order in which it is run."""

LEFT_OUT = {
    "tests of text, settings, rules and tables": (
        "plain Python on text, the same everywhere; the commands above go through them"
    ),
    "datasets/squad/test_squad.py and its neighbours with a tokenizer": (
        "tokenizers is written in Rust and not in Debian's archive"
    ),
    "datasets/texts/test_sentences.py": "it cuts texts by tokenizers, likewise",
    "sut/ on TensorFlow and MXNet": "neither is built by Debian",
}
