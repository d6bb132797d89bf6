"""What a file's sha256 must be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Checksum:
    """The expected sha256 of a file, as far as it is known.

    Attributes:
        sha256: The whole digest, 64 lower-case hexadecimal digits, or None.
        prefix: Its first digits, where only these are published, or None.
    """

    sha256: str | None = None
    prefix: str | None = None

    def __bool__(self) -> bool:
        return self.sha256 is not None or self.prefix is not None

    def accepts(self, digest: str) -> bool:
        """Whether a file with this digest is the expected one; any is where none is known."""
        if self.sha256 is not None:
            return digest == self.sha256
        return self.prefix is None or digest.startswith(self.prefix)

    def __str__(self) -> str:
        return self.sha256 or f"{self.prefix}..."
