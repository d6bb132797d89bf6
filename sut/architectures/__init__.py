"""Networks written out in PyTorch, for artifacts that hold nothing but weights."""
