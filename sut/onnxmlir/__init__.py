"""onnx-mlir and the IBM Z Deep Learning Compiler."""
