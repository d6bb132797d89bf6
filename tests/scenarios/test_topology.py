import pytest
from tests.sys_tree import XEON, Z16, cores_of

from loadscope.errors import InputError
from loadscope.scenarios.topology import (
    automatic_instances,
    instance_counts,
    spread,
)


@pytest.fixture
def parse_topology(tmp_path):
    """Read the cores of a machine of so many lines."""

    def read(lines, allowed):
        return cores_of(tmp_path / str(hash(lines)), lines, allowed).cores

    return read


def test_instances_do_not_straddle_nodes(parse_topology):
    cores = parse_topology(XEON, set(range(8)))
    assert spread(cores, 2) == [(0, 1, 4, 5), (2, 3, 6, 7)]
    assert spread(cores, 4) == [(0, 4), (1, 5), (2, 6), (3, 7)]


def test_an_instance_more_than_nodes_cuts_through(parse_topology):
    cores = parse_topology(XEON, set(range(8)))
    assert spread(cores, 1) == [tuple(range(8))]
    assert spread(cores, 3) == [(0, 4), (1, 5), (2, 3, 6, 7)]


def test_nodes_of_unequal_size_keep_their_cores(parse_topology):
    cores = parse_topology(XEON, {0, 1, 2, 4, 5, 6})
    assert spread(cores, 2) == [(0, 1, 4, 5), (2, 6)]


def test_books_and_drawers_are_places_on_ibm_z(parse_topology):
    cores = parse_topology(Z16, set(range(12)))
    assert [(core.drawer, core.book) for core in cores] == [(0, 0)] * 2 + [(0, 1)] * 2 + [
        (1, 2)
    ] * 2
    assert spread(cores, 3) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]
    assert automatic_instances(cores) == 3


def test_auto_cuts_a_large_node(parse_topology):
    many = "\n".join(f"{cpu},{cpu},0,{cpu // 20},," for cpu in range(40))
    # Twenty cores a node, at most eight an instance.
    assert automatic_instances(parse_topology(many, set(range(40)))) == 6


def test_every_core_is_used_once(parse_topology):
    cores = parse_topology(
        "\n".join(f"{cpu},{cpu},0,{cpu % 3},," for cpu in range(16)), {*range(16)}
    )
    for instances in range(1, 17):
        parts = spread(cores, instances)
        assert len(parts) == instances
        assert sorted(cpu for part in parts for cpu in part) == list(range(16))
        assert all(parts)


def test_more_instances_than_cores_are_refused(parse_topology):
    with pytest.raises(InputError, match=r"--instances: expected at most 4, .*, got 5"):
        spread(parse_topology(XEON, set(range(8))), 5)


def test_instances_worth_measuring(parse_topology):
    xeon = parse_topology(XEON, set(range(8)))
    assert instance_counts(xeon) == [2, 4]
    assert instance_counts(parse_topology(XEON, {0, 1})) == [2], "one node: a process a core"
    assert instance_counts(parse_topology(XEON, {0})) == []
    wide = "\n".join(f"{cpu},{cpu},0,{cpu // 32},," for cpu in range(64))
    assert instance_counts(parse_topology(wide, set(range(64)))) == [2, 8, 16]
