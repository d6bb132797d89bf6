"""Speech recognition: what is said in a recording."""

from loadscope.datasets.speech_recognition.task import SpeechRecognition

__all__ = ["TASK"]

TASK = SpeechRecognition()
