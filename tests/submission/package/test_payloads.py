import numpy as np
import pytest

from loadscope.submission.compliance.payloads import compare


def floats(*values):
    return np.array(values, "<f4").tobytes()


def test_a_difference_behind_the_first_value_is_found():
    # The first value of a COCO row is the sample's own index, and so are its lowest bytes 0.
    reference = [(4, floats(4, 0.1, 0.2, 0.3, 0.4, 0.9, 1))]
    same = compare(reference, reference)
    assert same.passed and same.common == 1
    other = compare(reference, [(4, floats(4, 0.1, 0.2, 0.3, 0.4, 0.9, 2))])
    assert not other.passed
    assert other.first_different == "sample 4 value 6 is 2 instead of 1"


@pytest.mark.parametrize(
    ("test", "what"),
    [
        (floats(1, 2, 3), "has 12 bytes instead of 8"),
        (b"", "has 0 bytes instead of 8"),
        (floats(1, 2)[:7], "has 7 bytes instead of 8"),
        (floats(1, np.nextafter(np.float32(2), np.float32(3))), "value 1 is 2.00000024"),
    ],
)
def test_sizes_and_the_last_bit_count(test, what):
    result = compare([(0, floats(1, 2))], [(0, test)])
    assert not result.passed and what in result.first_different


def test_nan_equals_nan_and_minus_zero_zero():
    assert compare([(0, floats(np.nan, 0.0))], [(0, floats(np.nan, -0.0))]).passed
    assert compare([(0, b"")], [(0, b"")]).passed


def test_nothing_in_common_or_unknown_samples_fail():
    assert not compare([(0, b"")], []).passed
    result = compare([(0, floats(1))], [(0, floats(1)), (1, floats(1))])
    assert result.missing == 1 and not result.passed


def test_of_repeated_reference_answers_the_first_counts_and_changes_are_counted():
    reference = [(0, floats(1)), (1, floats(5)), (0, floats(1)), (0, floats(2)), (1, floats(6))]
    result = compare(reference, [(0, floats(1)), (0, floats(1)), (0, floats(2))])
    assert (result.reference_entries, result.reference_repeats) == (5, 3)
    assert (result.reference_changes, result.common, result.different) == (1, 3, 1)
    assert result.text().splitlines() == [
        "num_acc_log_entries = 5",
        "num_acc_log_duplicate_keys = 3",
        "num_acc_log_data_mismatch = 1",
        "num_perf_log_entries = 3",
        "num_perf_log_qsl_idx_match = 3",
        "num_perf_log_data_mismatch = 1",
        "num_missing_qsl_idxs = 0",
        "TEST FAIL",
    ]
