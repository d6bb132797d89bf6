"""ONNX graphs as native graphs of other frameworks, operator by operator."""
