"""What a manifest says of a model's file for one framework."""

import logging
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    PositiveInt,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from loadscope.misfits import Misfits
from loadscope.rundir.quantized import Quantized
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.decoder_entry import DecoderEntry
from loadscope.suite.models.exporters import exporter, exporters
from loadscope.suite.models.source import (
    BuildSource,
    FetchedSource,
    HubSource,
    PackageSource,
    Source,
    WebSource,
    beside,
    parse_source,
    resolved,
)
from loadscope.suite.models.task_settings import Own, Postprocess, Preprocess
from loadscope.suite.models.tensor_spec import (
    Strict,
    TensorSpec,
    plain_path,
    tensor_infos,
)
from loadscope.sut.backend import TensorInfo
from loadscope.sut.exporter import Exporter


def _ignore_removed(value: JsonValue, info: ValidationInfo) -> None:
    logging.getLogger(__name__).warning(
        "loadscope: %s: the key '%s' was removed and is ignored; delete it",
        (info.context or {}).get("file", "a manifest"),
        info.field_name,
    )


_Removed = Annotated[
    SkipJsonSchema[JsonValue], AfterValidator(_ignore_removed), Field(exclude=True)
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Accuracy(Strict):
    """What is known of a model's accuracy; the target is the round's, not the model's.

    Attributes:
        metric: The metric's name; empty for the task's usual one.
        published: What its publisher reports, in the metric's unit; None where there is none.
        meaningful: False for weights that were never trained.
    """

    metric: str = ""
    published: float | None = None
    meaningful: bool = True

    @model_validator(mode="after")
    def _no_figure_for_untrained_weights(self) -> Self:
        if self.published is not None and not self.meaningful:
            raise ValueError("published cannot stand beside meaningful: false")
        return self


def _resolve_source(text: str, info: ValidationInfo) -> str:
    """Check a source, and make a ``file:`` start from its manifest's folder."""
    return resolved(text, (info.context or {}).get("folder"))


class Weights(Strict):
    """What lies behind the weights of a file, as a submission's ``measurements.json`` tells it.

    Attributes:
        file: The name of the weights file that it was made from; empty where it is that file.
        retrained: Whether the weights were trained further than in that file.
        changes: What else was done to them, such as how they were quantised.
        quantized: How ``loadscope quantize`` had them quantised.
    """

    file: str = ""
    retrained: bool = False
    changes: str = ""
    quantized: Quantized | None = None


class ArtifactEntry(Strict):
    """A model's file for one framework.

    Attributes:
        source: Where it comes from; see ``loadscope.suite.models.source``.
        sha256: Digest of the file (of a wheel's member, not of the wheel).
        sha256_prefix: Its first digits, where only these are published.
        checksum_note: Why there is no checksum; the first fetch's one is then kept.
        files: The sha256 of further files that are loaded, by their path from the first one's
            folder (an ONNX file's external data); each is got from there beside it. Where there
            is a ``base``, those that lie beside that.
        mirrors: Further sources of the same file (of ``base`` where there is one), tried in turn
            where the first does not have it.
        format: A format that the framework's backend loads.
        architecture: The network that a ``state-dict`` fits.
        layout: Layout of image inputs.
        inputs: The tensors to feed, by name.
        outputs: The tensors to fetch, by name.
        options: Settings of the backend.
        numerics: What numbers the file computes with, of which results carry the name.
        weights: What was done to its weights before they came into the file.
        max_batch: The samples that the file takes at once, where its batch axis is fixed.
        size: For exporters: the side of images, or the length of texts, that a network is made
            for, where preprocessing does not say.
        seed: For exporters that make weights: what they are drawn from.
        base: For exporters that start from weights: the source of these.
        base_sha256: Their checksum.
        base_sha256_prefix: Its first digits, where only these are published.
        settings: For exporters that make a network from a library: what it is given.
        delta: For ``build:merged-state-dict``: the name of a delta in ``tools/build/data``.
        made_from: For exporters that start from another artifact (key ``from``): the framework
            that this is for.
        preprocess: Instead of the model's; None for that. The model's task validates it.
        postprocess: Likewise.
        accuracy: Instead of the model's.
        decoder: How it is stepped, for a model that generates token by token; ``inputs`` and
            ``outputs`` are then those of a step without its states.
    """

    source: Annotated[str, AfterValidator(_resolve_source)]
    sha256: Sha256 | None = None
    sha256_prefix: Annotated[str, Field(pattern=r"^[0-9a-f]{8,63}$")] | None = None
    checksum_note: Annotated[str, Field(min_length=1)] | None = None
    files: dict[Annotated[str, AfterValidator(plain_path)], Sha256] = Field(default_factory=dict)
    format: str
    architecture: str = ""
    layout: Literal["", "NCHW", "NHWC"] = ""
    inputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    outputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    options: dict[str, JsonValue] = Field(default_factory=dict)
    # Of earlier versions; no part of the schema that messages tell of.
    single_stream_options: _Removed = None
    best_batch: _Removed = None
    best_threads: _Removed = None
    numerics: Literal["float32", "float16", "bfloat16", "dlfloat16", "int8", "int4"] = "float32"
    weights: Weights = Weights()
    max_batch: PositiveInt | None = None
    size: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] | None = None
    base: Annotated[str, AfterValidator(_resolve_source)] | None = None
    base_sha256: Sha256 | None = None
    base_sha256_prefix: Annotated[str, Field(pattern=r"^[0-9a-f]{8,63}$")] | None = None
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    mirrors: tuple[Annotated[str, AfterValidator(_resolve_source)], ...] = ()
    delta: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    made_from: str | None = Field(default=None, alias="from")
    preprocess: Preprocess = None
    postprocess: Postprocess = None
    accuracy: Accuracy | None = None
    decoder: DecoderEntry | None = None

    def parsed_source(self) -> Source:
        """The source in parts."""
        return parse_source(self.source)

    def parsed_base(self) -> FetchedSource | None:
        """The source of the weights to start from, where there are such."""
        if self.base is None:
            return None
        source = parse_source(self.base)
        if isinstance(source, BuildSource):
            raise TypeError("a base is never built")
        return source

    def parsed_mirrors(self) -> list[FetchedSource]:
        """Further sources of what is fetched first."""
        parsed = [parse_source(one) for one in self.mirrors]
        return [one for one in parsed if not isinstance(one, BuildSource)]

    def checksum(self) -> Checksum:
        """What the file's sha256 must be."""
        return Checksum(self.sha256, self.sha256_prefix)

    def downloads(self) -> list[tuple[FetchedSource, Checksum]]:
        """The files that must be here before it can be loaded or built, itself first."""
        source = self.parsed_source()
        first, checksum = (
            self.parsed_base(),
            Checksum(self.base_sha256, self.base_sha256_prefix),
        )
        if not isinstance(source, BuildSource):
            first, checksum = source, self.checksum()
        if first is None:
            return []
        return [
            (first, checksum),
            *((beside(first, name), Checksum(sha256)) for name, sha256 in self.files.items()),
        ]

    def own_settings(self) -> Own:
        """The settings that it has instead of the model's."""
        parts = {"preprocess": self.preprocess, "postprocess": self.postprocess}
        return {part: given for part, given in parts.items() if given is not None}

    def tensors(self, side: Literal["inputs", "outputs"]) -> tuple[TensorInfo, ...]:
        """The declared inputs or outputs in the form that backends take."""
        specs: dict[str, TensorSpec] = getattr(self, side)
        return tensor_infos(specs)

    def sample_tensors(self) -> tuple[TensorInfo, ...]:
        """What a sample gives it; see ``Artifact.sample_inputs``."""
        if self.decoder is None:
            return self.tensors("inputs")
        if self.decoder.encoder is not None:
            return tensor_infos(self.decoder.encoder.inputs)
        return tensor_infos({self.decoder.tokens: self.inputs[self.decoder.tokens]})

    @model_validator(mode="after")
    def _keys_fit_the_source(self) -> Self:
        source, misfits = self.parsed_source(), Misfits()
        given = [
            name for name in ("sha256", "sha256_prefix", "checksum_note") if getattr(self, name)
        ]
        if len(given) > 1:
            misfits.add(given[1], f"give one of {' and '.join(given)}")
        if isinstance(source, WebSource | PackageSource | HubSource) and not given:
            misfits.add("", "sha256 is missing; where none is published say so in checksum_note")
        noted = given == ["checksum_note"] and self.base is not None
        if isinstance(source, BuildSource) and given and not noted:
            misfits.add(given[0], "has no meaning for build:, whose bytes vary by version")
        if isinstance(source, BuildSource) and self.files and self.base is None:
            misfits.add("files", "has no meaning for build:, which makes one file")
        maker = exporter(source.exporter) if isinstance(source, BuildSource) else None
        self._check_maker(maker, misfits)
        for place, one in (("base", self.base), *(("mirrors", each) for each in self.mirrors)):
            if one is not None and isinstance(parse_source(one), BuildSource):
                misfits.add(
                    place,
                    f"{place} is fetched, not built: https:, pypi:, deb:, npm:, hub: or file:",
                )
        if self.decoder is not None:
            for key, reason in self.decoder.misfits(self.inputs, self.outputs):
                misfits.add(f"decoder.{key}".removesuffix("."), reason)
        if self.format == "state-dict" and not self.architecture:
            misfits.add("format", "a state-dict needs the key 'architecture'")
        misfits.refuse()
        return self

    def _check_maker(self, maker: Exporter | None, misfits: Misfits) -> None:
        """Check that what an exporter needs is given, and nothing that is for others."""
        for key in ("seed", "base", "base_sha256", "base_sha256_prefix", "delta", "settings"):
            given = bool(getattr(self, key)) or (key == "seed" and self.seed is not None)
            if maker is not None and key in maker.requires and not given:
                misfits.add("source", f"build:{maker.name} needs the key '{key}'")
            elif given and (maker is None or key not in (*maker.requires, *maker.allows)):
                takers = sorted(
                    f"build:{one.name}"
                    for one in exporters().values()
                    if key in (*one.requires, *one.allows)
                )
                verb = "takes" if len(takers) == 1 else "take"
                misfits.add(key, f"{', '.join(takers)} alone {verb} the key '{key}'")
        starts = maker is not None and bool(maker.origin)
        if starts and self.made_from is None:
            misfits.add("source", f"build:{maker and maker.name} needs the key 'from'")
        elif self.made_from is not None and not starts:
            takers = [f"build:{one.name}" for one in exporters().values() if one.origin]
            misfits.add("from", f"{', '.join(takers)} alone take the key 'from'")
