"""A running server of the Open Inference Protocol (KServe, Triton) as a SUT."""
