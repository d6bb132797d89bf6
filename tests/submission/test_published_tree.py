"""Trees of logs as published results."""

from loadscope.suite.results.official import official_records


def test_a_tree_of_logs_is_read_as_published_results(passing_tree):
    records = official_records(passing_tree, "v6.1")
    by_place = {(one["division"], one["scenario"]): one for one in records}
    assert len(records) == 5
    closed = by_place["closed", "Offline"]
    assert closed["location"] == "closed/Acme/results/box/resnet/Offline"
    assert (closed["round"], closed["benchmark"], closed["unit"]) == ("v6.1", "resnet", "Samples/s")
    assert closed["value"] > 0 and closed["accuracy"] == "acc: 76.456"
    assert closed["category"] == "datacenter,edge" and closed["numerics"]
    assert by_place["closed", "SingleStream"]["unit"] == "Latency (ms)"
    assert by_place["open", "Offline"]["benchmark"] == "resnet"
