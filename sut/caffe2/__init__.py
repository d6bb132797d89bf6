"""Caffe2, as PyTorch 1.8 has it, in an environment of its own."""
