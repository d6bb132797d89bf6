"""The one way in which the converter imports TensorFlow: without its messages."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf

__all__ = ["tf"]
