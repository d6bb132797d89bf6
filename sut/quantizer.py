"""What can be said of a framework's quantiser before the tool that it uses is imported."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantizer:
    """A framework's own tool for static quantisation to int8; it runs in a process of its own.

    Attributes:
        location: ``module:function`` that is called as ``function(artifact, samples, output)``.
            ``artifact`` is a ``sut.backend.Artifact`` in float32; ``samples()`` iterates over the
            calibration samples anew, each a batch of one sample by input name; ``output`` is the
            file to write. It raises ``InputError`` for what cannot be quantised.
        tool: The tool's name, as people know it.
        does: What is done to weights and activations, a phrase.
        formats: The formats that it starts from, preferred first.
        makes: The format that it writes.
        suffix: The end of its file's name.
        needs: The packages that it imports; a bar stands between two names of the same one.
        install: The command that installs them.
    """

    location: str
    tool: str
    does: str
    formats: tuple[str, ...]
    makes: str
    suffix: str
    needs: tuple[str, ...]
    install: str
