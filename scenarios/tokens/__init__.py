"""Models that answer token by token: steps with a KV cache, batches that are joined and left."""
