"""A framework of somebody else's: average brightness by NumPy, read from an ONNX file's place."""
