"""What a SUT on another host says of itself, and what of it a run keeps."""

from pydantic import Field, JsonValue

from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.part import Part


class ServedTensor(Part):
    """An input or output of the model that is served; ``shape`` is without the batch axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class ServedModel(Part):
    """The model that a SUT holds; what it does not tell is empty.

    Attributes:
        id: Its name there.
        sha256: The digest of every file that was loaded; see ``identity.model_sha256``.
        files: The digest of each.
        verified: Whether the manifest has a checksum of each.
        source: Where the file came from.
        format: The file's format.
        numerics: What it computes with.
        device: What it computes on.
        options: The backend's settings.
    """

    id: str
    sha256: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    verified: bool = False
    source: str = ""
    format: str = ""
    numerics: str = ""
    device: str = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)


class RemoteSut(Part):
    """What a SUT says of itself; None and empty are what it does not tell.

    Attributes:
        protocol: What it speaks, with its version.
        server: The software that serves, with its version.
        name: Its own name, which has ``Network SUT`` in it.
        instance: Changes whenever it is started again.
        framework: The backend's name.
        threads: The framework's own threads for each batch.
        workers: Batches that it computes at once.
        queue: Batches that may wait there beside those.
        max_batch: The most samples that it takes at once; None for any number.
        in_force: What the backend said after loading.
        host: Its machine; None where the protocol does not tell.
        versions: Of what takes part there.
    """

    protocol: str
    server: str
    name: str
    instance: str = ""
    framework: str = ""
    threads: int | None = None
    workers: int | None = None
    queue: int | None = None
    max_batch: int | None = None
    in_force: dict[str, JsonValue] = Field(default_factory=dict)
    model: ServedModel
    inputs: tuple[ServedTensor, ...]
    outputs: tuple[ServedTensor, ...]
    host: HostRecord | None = None
    versions: dict[str, str] = Field(default_factory=dict)


class RemoteRecord(Part):
    """That the SUT of a run was on another host, or in another process behind an address.

    Attributes:
        url: Where it was.
        protocol: What was spoken, with its version.
        secure: Whether by TLS.
        server: The software that served.
        name: The SUT's own name.
        loadgen_host: The machine of LoadGen; ``host`` of the run is the SUT's.
        untold: What the SUT did not tell, so that nothing was checked or recorded of it.
    """

    url: str
    protocol: str
    secure: bool
    server: str
    name: str
    loadgen_host: HostRecord
    untold: tuple[str, ...] = ()
