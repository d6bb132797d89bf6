"""ONNX Runtime GenAI: decoders in its model folders, in batches of its own engine."""
