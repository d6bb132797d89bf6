"""A SUT on another host behind the backend protocol."""

import contextlib

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck
from loadscope.sut.effective import Effective
from loadscope.sut.network.client import SutClient
from loadscope.sut.network.info import INFO
from loadscope.tensors import Tensors


class NetworkBackend:
    """Has ``loadscope serve-sut`` answer; each thread that calls at once has its own connection.

    Options of the artifact:
        url: Where it is.
        instance: Which start of it was asked before the run; another one is an error.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Find the SUT, which has loaded its model.

        Raises:
            InputError: No address is given, or what is there is no SUT.
            WorkError: It is not there, or was started again.
        """
        INFO.check_options(artifact.options)
        if "url" not in artifact.options:
            raise InputError(
                "the SUT's address is not known",
                "give --sut http://HOST:PORT, and --framework what it runs there",
            )
        instance = artifact.options.get("instance", "")
        self._client = SutClient(artifact.options["url"], instance)
        self._told = self._client.describe()
        if instance and self._told.instance != instance:
            raise WorkError(
                f"{artifact.options['url']}: the SUT was started again since the run was begun",
                "start a new run",
            )
        self._check = BatchCheck(artifact.inputs)
        self._outputs = [info.name for info in artifact.outputs]
        self._peak = 0

    def effective(self) -> Effective:
        """What the SUT says: its threads, and all that is in force there under ``sut``."""
        settings = {"threads": self._told.threads, "sut": self._told.in_force}
        fixed = self._told.in_force.get("fixed_batch")
        return Effective({**settings, "fixed_batch": fixed} if fixed is not None else settings)

    def predict(self, batch: Tensors) -> Tensors:
        """Send a batch and wait for the answer.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: The connection is lost, or an output is missing.
        """
        self._check(batch)
        found = self._client.predict(batch)
        missing = [name for name in self._outputs if name not in found]
        if missing:
            raise WorkError(
                f"the SUT's answer has no output '{missing[0]}'", "serve the model that is run"
            )
        return found

    def sut_name(self) -> str:
        """See ``RemoteBackend``."""
        return self._client.name()

    def close(self) -> None:
        """Close the connections; the SUT goes on."""
        with contextlib.suppress(LoadScopeError):
            self._peak = self._client.peak_memory()
        self._client.close()

    def peak_elsewhere(self) -> int:
        """See ``ElsewhereBackend``: since the SUT was started."""
        return self._peak
