"""How the weights of a file came to be int8, and which samples they were calibrated on."""

from pydantic import Field

from loadscope.rundir.part import Part


class Quantized(Part):
    """A static quantisation; it stands in manifests and in ``run.json``.

    Attributes:
        tool: The framework's tool, by its name.
        versions: Of the packages that it imports.
        origin: The sha256 of the model that was quantised, of every file of it.
        dataset: The name of the calibration samples' data set.
        digest: The data set's own digest over the samples that were used.
        count: How many they were.
        listed: The name of the list that they were taken from (MLPerf publishes some), if any.
        samples: The sha256 of each sample's file by its name, where samples are files.
    """

    tool: str
    versions: dict[str, str] = Field(default_factory=dict)
    origin: str
    dataset: str
    digest: str
    count: int
    listed: str = ""
    samples: dict[str, str] = Field(default_factory=dict)

    def made_by(self) -> str:
        """The tool with its version and those of what it uses."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.tool} ({versions})"

    def list_text(self) -> str:
        """The samples as ``sha256sum`` writes them, a line each; empty where they are no files."""
        return "".join(f"{sha256}  {name}\n" for name, sha256 in self.samples.items())
