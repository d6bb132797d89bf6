"""Damages of the accuracy run and the compliance tests."""

import hashlib

from tests.submission.damage import (
    ACCURACY_TXT,
    DETAIL,
    HASH,
    LOG,
    MULTI,
    OFFLINE,
    OPEN,
    RUN,
    SINGLE,
    Damage,
    both,
    copy,
    cut,
    fails_test01,
    logged,
    remove,
    rename,
    replace,
    rewrite,
    sparse,
    whole_log,
    write,
)

DAMAGES = [
    # Accuracy.
    Damage("no accuracy.txt", "accuracy.result", remove(ACCURACY_TXT)),
    Damage("no accuracy.txt in open", "accuracy.result", remove(f"{OPEN}/accuracy/accuracy.txt")),
    Damage("empty accuracy.txt", "accuracy.result", write(ACCURACY_TXT)),
    Damage("leading blank", "accuracy.result", write(ACCURACY_TXT, f" accuracy=76.456%\n{HASH}\n")),
    Damage("another metric", "accuracy.result", write(ACCURACY_TXT, f"mAP=53.1%\n{HASH}\n")),
    *(Damage(f"score after {name}", "accuracy.result",
             write(ACCURACY_TXT, f"done{mark}accuracy=76.456%\n{HASH}\n"))
      for name, mark in (("a form feed", "\f"), ("U+0085", "\x85"), ("U+2028", "\u2028"))),
    Damage("score is no number", "accuracy.result",
           write(ACCURACY_TXT, f"accuracy=7.6.4\n{HASH}\n")),
    Damage("score is no number in open", "accuracy.result",
           write(f"{OPEN}/accuracy/accuracy.txt", f"accuracy=7.6.4\n{HASH}\n")),
    Damage("score misses the target", "accuracy.target",
           replace(ACCURACY_TXT, "76.456", "75.695")),
    Damage("one of two scores misses", "accuracy.target",
           write(ACCURACY_TXT, f"accuracy=1.0%\naccuracy=76.456%\n{HASH}\n")),
    Damage("score over 100", "accuracy.score-range", replace(ACCURACY_TXT, "76.456", "7645.6")),
    Damage("no hash", "accuracy.hash", write(ACCURACY_TXT, "accuracy=76.456%\n")),
    Damage("hash too short", "accuracy.hash", write(ACCURACY_TXT, "accuracy=76.456%\nhash=abc\n")),
    Damage("hash not alone on its line", "accuracy.hash",
           write(ACCURACY_TXT, f"accuracy=76.456% {HASH}\n")),
    Damage("wrong hash of a whole log", "accuracy.hash-match",
           write(f"{SINGLE}/accuracy/{LOG}", '[{"qsl_idx": 1, "data": "00"}]')),
    Damage("hash of the truncated log", "accuracy.hash-match", lambda root: write(
        ACCURACY_TXT, "accuracy=76.456%\nhash=" + hashlib.sha256(
            (root / SINGLE / "accuracy" / LOG).read_bytes()).hexdigest() + "\n")(root)),
    Damage("good is not the score", "accuracy.counts",
           replace(ACCURACY_TXT, "good=38228", "good=38000")),
    Damage("total is not the data set", "accuracy.counts",
           write(ACCURACY_TXT, f"accuracy=80.000%, good=400, total=500\n{HASH}\n")),
    Damage("sample outside of the data set", "accuracy.samples", lambda root: rewrite(
        rb'"qsl_idx" : [0-9]+', b'"qsl_idx" : 50000', SINGLE)(root)),
    Damage("few samples in a whole log", "accuracy.samples", lambda root: whole_log(root, 3)),
    Damage("answer of three bytes", "accuracy.payload", lambda root: rewrite(
        rb'"data" : "[0-9A-F]+"', b'"data" : "00000A"', SINGLE)(root)),
    Damage("answer of letters", "accuracy.payload", lambda root: rewrite(
        rb'"data" : "[0-9A-F]+"', b'"data" : "wolfhund"', f"{SINGLE}/TEST01")(root)),
    Damage("no accuracy log", "accuracy.log", remove(f"{SINGLE}/accuracy/{LOG}")),
    Damage("empty accuracy log", "accuracy.log", write(f"{SINGLE}/accuracy/{LOG}")),
    Damage("whole accuracy log", "accuracy.log", sparse(f"{SINGLE}/accuracy/{LOG}", 10_241)),
    Damage("whole log in TEST01", "accuracy.log",
           sparse(f"{SINGLE}/TEST01/accuracy/{LOG}", 1 << 20)),
    Damage("accuracy log cut off", "accuracy.log-form", cut(f"{SINGLE}/accuracy/{LOG}", 5000)),
    Damage("part of the data set", "accuracy.data-set",
           logged(f"{SINGLE}/accuracy/{DETAIL}", effective_accuracy_sample_count=500)),
    Damage("part of the data set in open", "accuracy.data-set",
           logged(f"{OPEN}/accuracy/{DETAIL}", effective_accuracy_sample_count=500)),
    # Compliance.
    Damage("no TEST01", "compliance.files", remove(f"{SINGLE}/TEST01")),
    Damage("no TEST04", "compliance.files", remove(f"{MULTI}/TEST04")),
    Damage("TEST01 in lower case", "compliance.files", rename(f"{SINGLE}/TEST01", "test01")),
    *(Damage(f"no {name}", "compliance.files", remove(f"{SINGLE}/{name}"))
      for name in ("TEST01/verify_accuracy.txt", "TEST01/verify_performance.txt",
                   "TEST04/verify_performance.txt")),
    Damage("empty verification", "compliance.files", write(f"{SINGLE}/TEST01/verify_accuracy.txt")),
    Damage("TEST04 failed", "compliance.performance",
           write(f"{SINGLE}/TEST04/verify_performance.txt", "TEST FAIL\n")),
    Damage("TEST04 passed in a sentence", "compliance.performance",
           replace(f"{SINGLE}/TEST04/verify_performance.txt", "TEST PASS", "Not a TEST PASS")),
    Damage("TEST01 passed and failed", "compliance.performance",
           replace(f"{SINGLE}/TEST01/verify_performance.txt", "TEST PASS", "TEST PASS\nTEST FAIL")),
    Damage("TEST01's accuracy passed and failed", "compliance.verdict",
           write(f"{SINGLE}/TEST01/verify_accuracy.txt", "TEST PASS\nTEST FAIL\n")),
    Damage("TEST01's accuracy passed after a form feed", "compliance.accuracy-files",
           write(f"{SINGLE}/TEST01/verify_accuracy.txt", "done\fTEST PASS\n")),
    Damage("TEST04 of another run", "compliance.score", write(
        f"{SINGLE}/TEST04/verify_performance.txt",
        "reference score = 1.5\ntest score = 1.5\nTEST PASS\n")),
    Damage("TEST PASS without scores", "compliance.score",
           write(f"{SINGLE}/TEST01/verify_performance.txt", "TEST PASS\n")),
    Damage("TEST01 held against another run", "compliance.reference-score", lambda root: write(
        f"{SINGLE}/TEST01/verify_performance.txt",
        "Reference score = 1.5\n" + (root / SINGLE / "TEST01" / "verify_performance.txt")
        .read_text().replace("Reference", "Former"))(root), "warning"),
    Damage("scores of TEST01 do not parse", "compliance.verdict",
           write(f"{SINGLE}/TEST01/accuracy/baseline_accuracy.txt", "none\n")),
    Damage("endless scores of TEST01", "compliance.accuracy", fails_test01(
        "accuracy=" + "9" * 400 + "\n", "accuracy=" + "9" * 400 + "\n")),
    Damage("TEST01 accuracy failed", "compliance.accuracy",
           fails_test01("accuracy=76.456%\n", "accuracy=74.0%\n")),
    Damage("TEST01 accuracy without score", "compliance.accuracy", fails_test01("", "none\n")),
    Damage("TEST01 accuracy of 0", "compliance.accuracy",
           fails_test01("accuracy=76.456%\n", "accuracy=0.0%\n")),
    Damage("TEST01 failed, no baseline", "compliance.accuracy-files",
           write(f"{SINGLE}/TEST01/verify_accuracy.txt", "TEST FAIL\n")),
    Damage("TEST01 failed, extra file", "compliance.accuracy-files", both(
        fails_test01("accuracy=76.4%\n", "accuracy=76.4%\n"),
        write(f"{SINGLE}/TEST01/accuracy/notes.txt", "x"))),
    Damage("no accuracy.txt in TEST01", "compliance.accuracy-files",
           remove(f"{SINGLE}/TEST01/accuracy/accuracy.txt")),
    Damage("extra file in TEST01", "compliance.performance-files",
           write(f"{SINGLE}/TEST01/{RUN}/notes.txt", "x")),
    Damage("TEST01 without its settings", "compliance.settings", both(
        remove(f"{SINGLE}/TEST01/{RUN}"), copy(f"{SINGLE}/{RUN}", f"{SINGLE}/TEST01/{RUN}"))),
    Damage("TEST04 without its settings", "compliance.settings", logged(
        f"{SINGLE}/TEST04/{RUN}/{DETAIL}", effective_performance_issue_same=False)),
    Damage("TEST01 twice as slow", "compliance.performance-ratio", logged(
        f"{OFFLINE}/TEST01/{RUN}/{DETAIL}", result_samples_per_second=1.0)),
    Damage("TEST04 twice as fast", "compliance.performance-ratio", logged(
        f"{OFFLINE}/TEST04/{RUN}/{DETAIL}", result_samples_per_second=1e9)),
]  # fmt: skip
