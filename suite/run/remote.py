"""A SUT that is reached by the network, as a run takes it: asked once, held to what is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import JsonValue

from loadscope.errors import InputError
from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.remote_record import RemoteRecord, RemoteSut, ServedTensor
from loadscope.rundir.spec import RunSpec
from loadscope.suite.fetch.artifacts import Materialised, without_file
from loadscope.suite.models.model_entry import ChosenArtifact
from loadscope.sut.backend import TensorInfo
from loadscope.sut.info import BackendInfo, named
from loadscope.sut.registry import backend_at
from loadscope.tensors import ANY_SIZE


@dataclass(frozen=True)
class Reached:
    """A SUT that has answered.

    Attributes:
        url: Where it is.
        told: What it says of itself.
        backend: What reaches it.
    """

    url: str
    told: RemoteSut
    backend: BackendInfo

    def record(self, here: HostRecord) -> RemoteRecord:
        """What ``run.json`` keeps of the way there.

        Args:
            here: This machine, which has LoadGen.
        """
        told = self.told
        unknown = {
            "machine": told.host is None,
            "model's digest": not told.model.sha256,
            "framework": not told.framework,
            "threads": told.threads is None,
        }
        return RemoteRecord(
            url=self.url,
            protocol=told.protocol,
            secure=urlsplit(self.url).scheme == "https",
            server=told.server,
            name=told.name,
            loadgen_host=here,
            untold=tuple(name for name, is_so in unknown.items() if is_so),
        )

    def model(self, chosen: ChosenArtifact) -> Materialised:
        """The model as it is there: nothing to load here, and the digest of what is loaded there.

        Args:
            chosen: What the manifest says of it.
        """
        held, options = self.told.model, self.options()
        placed = without_file(chosen.entry)
        artifact = replace(placed.artifact, format=held.format or "none", options=options)
        return Materialised(artifact, held.sha256, held.source, held.files, held.verified)

    def versions(self, here: Mapping[str, str]) -> dict[str, str]:
        """Versions of what takes part: the framework's as it is there.

        Args:
            here: Of LoadGen's side, which keep their names; the SUT's others say whose they are.
        """
        there = self.told.versions
        return {
            **here,
            **{name if name not in here else f"{name} (SUT)": text for name, text in there.items()},
        }

    def options(self) -> dict[str, JsonValue]:
        """Of the backend that reaches it."""
        known = {"url": self.url, "instance": self.told.instance}
        return {name: value for name, value in known.items() if name in self.backend.options}


def reach(spec: RunSpec, identity: str, chosen: ChosenArtifact) -> Reached | None:
    """Ask the SUT that a spec names; None where it names none.

    Args:
        spec: What to run.
        identity: The model's id.
        chosen: The model's artifact for the framework that is said to run there.

    Raises:
        InputError: It is no SUT, has another framework or model, or takes other tensors.
        WorkError: It is not there.
    """
    if spec.sut is None:
        return None
    backend = backend_at(spec.sut)
    if backend.reach is None:
        raise TypeError(f"{backend.name} reaches nothing")
    told: RemoteSut = named(backend.reach.ask)(spec.sut)
    for what, asked, there in (
        ("framework", spec.framework, told.framework),
        ("model", identity, told.model.id if told.model.sha256 else ""),
    ):
        if there and there != asked:
            raise InputError(
                f"{spec.sut}: {what}: expected {asked}, got {there}",
                f"give --{what} {there}, or start the SUT with --{what} {asked}",
            )
    entry = chosen.entry
    for side, declared, served in (
        ("input", entry.tensors("inputs"), told.inputs),
        ("output", entry.tensors("outputs"), told.outputs),
    ):
        _require_served(spec.sut, side, declared, served)
    asked_batch = spec.batch_size
    if told.max_batch is not None and asked_batch is not None and asked_batch > told.max_batch:
        raise InputError(
            f"--batch-size: expected at most {told.max_batch}, as the SUT takes, got {asked_batch}",
            f"use --batch-size {told.max_batch} or less",
        )
    return Reached(spec.sut, told, backend)


def _require_served(
    url: str, side: str, declared: Sequence[TensorInfo], served: Sequence[ServedTensor]
) -> None:
    known = {one.name: one for one in served}
    for info in declared:
        found = known.get(info.name)
        if found is None:
            raise InputError(
                f"{url}: the model there has no {side} '{info.name}'",
                f"it has: {', '.join(known) or 'none'}; serve the model that is run",
            )
        same = found.dtype == info.dtype and len(found.shape) == len(info.shape)
        if not same or any(
            ANY_SIZE not in pair and pair[0] != pair[1]
            for pair in zip(found.shape, info.shape, strict=True)
        ):
            raise InputError(
                f"{url}: {side} '{info.name}': expected {info.dtype} {list(info.shape)}, got "
                f"{found.dtype} {list(found.shape)}",
                "serve the model that is run, or correct its manifest",
            )
