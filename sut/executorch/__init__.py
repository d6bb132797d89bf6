"""ExecuTorch: PyTorch programs on XNNPACK, in an environment of their own."""
