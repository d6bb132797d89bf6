"""The task of telling what is said in a recording."""

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadscope.datasets.adapters.librispeech import LibriSpeech
from loadscope.datasets.adapters.manifest import Manifest
from loadscope.datasets.adapters.mlperf_speech import MlperfSpeech
from loadscope.datasets.audio.wave_library import WaveFeed, WaveLibrary
from loadscope.datasets.declared import DeclaredModel, Misfit, ModelInput, NeededFile
from loadscope.datasets.generation import Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.playing import Ask, Part
from loadscope.datasets.speech_recognition.alphabet import decoded
from loadscope.datasets.speech_recognition.answers import postprocess
from loadscope.datasets.speech_recognition.pieces import Pieces
from loadscope.datasets.speech_recognition.speech_spec import SpeechPreprocess, TokensSpec
from loadscope.datasets.speech_recognition.word_errors import WER, WORD_ACCURACY
from loadscope.datasets.task import (
    PLAIN,
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

if TYPE_CHECKING:
    from loadscope.datasets.speech_recognition.clips import Clips


class SpeechLibrary(WaveLibrary):
    """The recordings, with what an answer is read by.

    Args:
        prepared: See ``WaveLibrary``, as the others.
        spec: What they were prepared with; the vocabulary is in place.
        inputs: The model's inputs.
        most_bytes: What loaded recordings may take.

    Attributes:
        pieces: What the model's token numbers stand for.
    """

    def __init__(
        self,
        prepared: Path,
        spec: SpeechPreprocess,
        inputs: Sequence[ModelInput],
        most_bytes: float = math.inf,
    ) -> None:
        super().__init__(prepared, spec, inputs, most_bytes)
        self.pieces = Pieces.read(Path(spec.file))


class SpeechRecognition(Task):
    """Recordings with transcripts, word error rate."""

    name = "speech-recognition"
    title = "Speech recognition (word error rate)"
    metrics: tuple[ScoreMetric, ...] = (WER, WORD_ACCURACY)
    preprocess_type: type[Any] = SpeechPreprocess
    postprocess_type: Any = TokensSpec
    inputs = "recordings"
    packages = ("soundfile", "jiwer", "whisper_normalizer")
    install = "pip install 'loadscope[speech]'"
    form_types = (LibriSpeech, Manifest, MlperfSpeech)
    catalog = Path(__file__).with_name("catalog.yaml")
    asks = (Ask("audio", "Recording", "audio"),)
    token_latencies = True

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> "Clips":
        """See ``Clips.read``."""
        from loadscope.datasets.speech_recognition.clips import Clips

        return Clips.read(path, limit, metric or WER.name, form)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: SpeechPreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        """See ``wave_cache_build.prepare_waves``."""
        from loadscope.datasets.audio.wave_cache_build import prepare_waves

        return prepare_waves(self._own(dataset), preprocess, cache_root, progress)

    def library(
        self,
        prepared: Path,
        preprocess: SpeechPreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> SpeechLibrary:
        """See ``SpeechLibrary``."""
        return SpeechLibrary(prepared, preprocess, inputs, most_bytes)

    def postprocess(
        self, spec: TokensSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Postprocess:
        """See ``answers.postprocess``: a text a sample in MLPerf's alphabet, ``<i8``."""
        return postprocess(_own_library(library).pieces)

    def generation(
        self, spec: TokensSpec, library: SampleLibrary, form: AnswerForm = PLAIN
    ) -> Generation:
        """Greedy, from the model's start token to its end token; see ``TokensSpec``."""
        own = _own_library(library)
        pieces = len(own.pieces)
        for place in ("start", "end"):
            if max(getattr(spec, place)) >= pieces:
                raise InputError(
                    f"postprocess.{place} has token {max(getattr(spec, place))}, of {pieces} that "
                    "the vocabulary has",
                    "correct postprocess in the model's manifest",
                )
        return Generation(
            end=spec.end,
            most_new=spec.most_new,
            start=spec.start,
            most_of=lambda index: spec.most_of(own.seconds(index)),
        )

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        """Yield why recordings do not go in."""
        try:
            WaveFeed.of(entry.inputs)
        except InputError as error:
            yield Misfit("inputs", error.message)

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        """Name the recording, and the text that answers it."""
        own = self._own(sample.dataset)
        return Shown(own.path / own.names[sample.index], _text(sample.index, answer))

    def explain(
        self, dataset: Dataset, answers: Sequence[bytes], outputs: Sequence[Tensors], spec: Any
    ) -> tuple[Part, ...]:
        """The recording as a wave, with what was heard."""
        from loadscope.datasets.audio.recording import read_header, read_recording
        from loadscope.datasets.playing import waveform

        own = self._own(dataset)
        path = own.path / own.names[0]
        rate = read_header(path).rate
        return (waveform(read_recording(path, rate), rate, _text(0, answers[0])),)

    def one_sample(self, given: Mapping[str, str], folder: Path) -> Path:
        """See ``Task.one_sample``: a folder with the recording, without a transcript."""
        from loadscope.datasets.audio.recording import SUFFIXES, is_recording, read_header

        path = Path(given["audio"])
        if not path.is_file():
            raise InputError(f"{path}: not found", "give a recording")
        if not is_recording(path.name):
            raise InputError(
                f"{path}: not a recording by its name",
                f"give a file that ends in {', '.join(SUFFIXES)}",
            )
        read_header(path)
        shutil.copyfile(path, folder / f"sample{path.suffix.lower()}")
        return folder

    def examples(self, folder: Path, most: int) -> Mapping[str, Mapping[str, str]]:
        """See ``Task.examples``: the first recordings below the folder."""
        from loadscope.datasets.audio.recording import is_recording

        files = (path for path in sorted(folder.rglob("*")) if is_recording(path.name))
        return {path.name: {"audio": str(path)} for path in islice(files, most)}

    def sample_digests(
        self, dataset: Dataset, cache_root: Path, progress: Progress
    ) -> dict[str, str]:
        """Of the recordings."""
        own = self._own(dataset)
        return dict(zip(own.names, own.digests(cache_root, progress), strict=True))

    def files(self, preprocess: SpeechPreprocess) -> Sequence[NeededFile]:
        """The table of pieces of words."""
        return (
            NeededFile("vocabulary", preprocess.vocabulary, preprocess.sha256, "file", "sha256"),
        )

    def _own(self, dataset: Dataset) -> "Clips":
        from loadscope.datasets.speech_recognition.clips import Clips

        if not isinstance(dataset, Clips):
            raise TypeError(f"{self.name} reads Clips, not {type(dataset).__name__}")
        return dataset


def _own_library(library: SampleLibrary) -> SpeechLibrary:
    if not isinstance(library, SpeechLibrary):
        raise TypeError(f"expected a SpeechLibrary, got {type(library).__name__}")
    return library


def _text(index: int, answer: bytes) -> str:
    text = decoded(answer)
    if text is None:
        raise WorkError(f"sample {index} is answered with {len(answer)} bytes that are no text")
    return text
