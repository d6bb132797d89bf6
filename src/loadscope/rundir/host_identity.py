"""What tells the host of a run from other systems."""

from loadscope.rundir.part import Part


class HostIdentity(Part):
    """What tells one system from another and moves its speed; what it does not tell is empty.

    Attributes:
        hostname: Its name, which two machines may share.
        machine_id: A digest of ``/etc/machine-id``, which is not told itself; it outlives a rename.
        cpu: Family, model and stepping, by which processors of one name differ.
        microcode: Its revision.
        sockets: Processors.
        numa_nodes: Nodes of memory.
        smt: ``on``, ``off``, ``forceoff`` or ``notsupported``.
        governor: Of the frequency, of all CPUs; several are joined by a comma.
        hypervisor: What the machine is virtual on; empty where it is not known to be.
        container: What the process is contained in; empty likewise.
        cpu_limit: CPUs' worth of time that the control group has; None without a limit.
        memory_limit_bytes: Memory that it has, likewise.
    """

    hostname: str = ""
    machine_id: str = ""
    cpu: str = ""
    microcode: str = ""
    sockets: int | None = None
    numa_nodes: int | None = None
    smt: str = ""
    governor: str = ""
    hypervisor: str = ""
    container: str = ""
    cpu_limit: float | None = None
    memory_limit_bytes: int | None = None
