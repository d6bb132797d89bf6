"""Several processes that each hold the model, pinned to cores of their own, behind one LoadGen.

LoadGen and the drivers stay in the measured process, whose worker threads only wait here: a
batch goes down a channel to an instance, and its payloads come back through shared memory. So
Python's lock is held by one process a few cores, not by one a machine, and each instance's
memory is near its cores.
"""

import os
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Pipe
from typing import Any

from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import Payloads
from loadscope.errors import WorkError
from loadscope.mapped_memory import MappedMemory
from loadscope.scenarios.inference_pipeline import InferencePipeline, complete, nothing_left, orders
from loadscope.scenarios.shm_channel import Channel, require_done

_GRACE_SECONDS = 10


class Replica:
    """One process: started, told which samples to load, and ended.

    Args:
        number: Its number, from 0.
        module: The module to run, which calls ``suite.instance.main``'s like.
        arguments: Its arguments, before the descriptors.
        cpus: The logical CPUs that it may run on.
        channels: How many channels to open.
    """

    def __init__(
        self,
        number: int,
        module: str,
        arguments: Sequence[str],
        cpus: tuple[int, ...],
        channels: int,
    ) -> None:
        self.number, self.cpus = number, cpus
        self._control, control = Pipe()
        ours, theirs = zip(*[Pipe() for _ in range(channels)], strict=True)
        memories = [MappedMemory.create() for _ in range(channels)]
        given = [control.fileno()]
        for connection, memory in zip(theirs, memories, strict=True):
            given += [connection.fileno(), memory.descriptor]
        # The affinity of this thread is inherited before a library of the instance can start a
        # thread; set from within, it would miss those that were started at an import.
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cpus)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments, *map(str, given)],
                pass_fds=given,
                stdin=subprocess.DEVNULL,
            )
        finally:
            os.sched_setaffinity(0, allowed)
        for connection in (control, *theirs):
            connection.close()
        self.channels = [
            Channel(connection, memory, self._lost)
            for connection, memory in zip(ours, memories, strict=True)
        ]

    def send(self, command: str, indices: Sequence[int] = ()) -> None:
        """Give an order without waiting: ``load``, ``unload`` or ``close``."""
        try:
            self._control.send((command, list(indices)))
        except OSError as error:
            raise self._lost() from error

    def wait(self) -> dict[str, Any]:
        """Wait for the answer to the last order, or to the start.

        Raises:
            InputError, WorkError: What the instance raised, or that it is gone.
        """
        try:
            reply = self._control.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(reply, bytes):
            require_done(reply)
        answer: dict[str, Any] = reply
        return answer

    def _lost(self) -> WorkError:
        try:
            status = self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return WorkError(f"instance {self.number} closed its connection", "see process.log")
        cause = f"signal {-status}" if status < 0 else f"status {status}"
        return WorkError(
            f"instance {self.number} (CPUs {', '.join(map(str, self.cpus))}) ended with {cause}",
            "its output is in process.log of the test's folder; was memory short?",
        )


class Replicas:
    """All instances of a test.

    Args:
        module: The module that an instance runs.
        arguments: Its arguments.
        cpus: The CPUs of each instance.
        workers: Batches that all instances together work on at once.
        ahead: Further batches that wait at each worker, so that it never waits for the next.

    Attributes:
        started: What each instance said when it had loaded the model.

    Raises:
        InputError, WorkError: An instance cannot start or cannot load the model.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        cpus: Sequence[tuple[int, ...]],
        workers: int,
        ahead: int = 0,
    ) -> None:
        each = workers // len(cpus) * (1 + ahead)
        self.all = [
            Replica(number, module, arguments, some, each) for number, some in enumerate(cpus)
        ]
        self.started = [instance.wait() for instance in self.all]
        self.channels = each * len(self.all)
        # First every instance's first channel, so that few batches spread over many instances.
        self._free: queue.SimpleQueue[Channel] = queue.SimpleQueue()
        for turn in range(each):
            for instance in self.all:
                self._free.put(instance.channels[turn])

    def load(self, indices: Sequence[int]) -> None:
        """Have every instance bring these samples into its memory, all at the same time."""
        self._order("load", indices)

    def unload(self, indices: Sequence[int]) -> None:
        """Have every instance drop these samples."""
        self._order("unload", indices)

    def close(self) -> int:
        """End the instances; returns the sum of their peak memory, bytes."""
        answers = self._order("close")
        for instance in self.all:
            instance.process.wait(_GRACE_SECONDS)
        return sum(answer["peak_memory_bytes"] for answer in answers)

    def places(self) -> list[dict[str, Any]]:
        """Process number and CPUs of each instance, for the record."""
        return [{"pid": one.process.pid, "cpus": list(one.cpus)} for one in self.all]

    def take(self) -> Channel:
        """A channel that nobody uses; there is one for each of ``channels`` threads."""
        return self._free.get()

    def give_back(self, channel: Channel) -> None:
        """Make a channel free again."""
        self._free.put(channel)

    def _order(self, command: str, indices: Sequence[int] = ()) -> list[dict[str, Any]]:
        for instance in self.all:
            instance.send(command, indices)
        return [instance.wait() for instance in self.all]


class SpreadPipeline(InferencePipeline):
    """Answers from instances; for at most as many threads as there are channels.

    Args:
        instances: Started instances.
        library: The samples, to know their order; none are loaded here.
    """

    def __init__(self, instances: Replicas, library: SampleLibrary) -> None:
        self._instances = instances
        self._total = len(library)
        self.order, self.offline_order = orders(library)

    def compute(self, indices: Sequence[int]) -> Payloads:
        """See ``InferencePipeline.compute``; valid until the channel's next batch."""
        channel = self._instances.take()
        try:
            return channel.compute(indices)
        finally:
            self._instances.give_back(channel)

    def answer(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """See ``InferencePipeline.answer``; the channel is kept until LoadGen has copied."""
        channel = self._instances.take()
        complete(ids, channel.compute(indices))
        self._instances.give_back(channel)

    def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
        """See ``InferencePipeline.begin``; a channel has room for one answer."""
        self.answer(ids, indices)
        return nothing_left


class SpreadLibrary:
    """What LoadGen's load and unload calls reach: the samples in every instance.

    Args:
        instances: Started instances.
        library: Tells how many samples there are.
    """

    def __init__(self, instances: Replicas, library: SampleLibrary) -> None:
        self._instances, self._library = instances, library
        self.load, self.unload = instances.load, instances.unload

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self._library)
