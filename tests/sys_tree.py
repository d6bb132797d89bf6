"""A machine's files below /sys, as the kernel writes them, made of one line a CPU."""

from pathlib import Path

from loadscope.cores import AllowedCores, read_cores

# Two sockets, one NUMA node each, two cores each, two threads a core, numbered as Linux numbers
# them on a Xeon; CPU, CORE, SOCKET, NODE, BOOK, DRAWER.
XEON = """\
0,0,0,0,,
1,1,0,0,,
2,0,1,1,,
3,1,1,1,,
4,0,0,0,,
5,1,0,0,,
6,0,1,1,,
7,1,1,1,,
"""
# IBM Z with two drawers, one of them with two books; SMT-2.
Z16 = "\n".join(
    f"{cpu},{cpu // 2},{cpu // 4},0,{book},{drawer}"
    for cpu, (book, drawer) in enumerate([(0, 0)] * 4 + [(1, 0)] * 4 + [(2, 1)] * 4)
)


def write_sys(root: Path, lines: str) -> Path:
    """Write the files of CPUs and NUMA nodes; an empty column is a file that is not there."""
    rows = [line.split(",") for line in lines.split()]
    nodes: dict[str, list[str]] = {}
    for cpu, core, socket, node, book, drawer in rows:
        topology = root / "devices/system/cpu" / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        siblings = [row[0] for row in rows if row[1:] == [core, socket, node, book, drawer]]
        files = {"core_id": core, "physical_package_id": socket, "book_id": book,
                 "drawer_id": drawer, "thread_siblings_list": ",".join(siblings)}  # fmt: skip
        for name, value in files.items():
            if value:
                (topology / name).write_text(f"{value}\n")
        nodes.setdefault(node, []).append(cpu)
    for node, cpus in nodes.items():
        folder = root / "devices/system/node" / f"node{node}"
        folder.mkdir(parents=True)
        (folder / "cpulist").write_text(",".join(cpus) + "\n")
    return root


def cores_of(root: Path, lines: str, allowed: set[int], membership: str = "") -> AllowedCores:
    """What a process may use of such a machine, by its affinity and its ``/proc/self/cgroup``."""
    if not root.joinpath("devices").exists():
        write_sys(root, lines)
    own = root / "cgroup-of-self"
    own.write_text(membership)
    return read_cores(root, own, allowed)
