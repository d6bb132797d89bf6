"""Model families: a rule and a table each, by which many models are described without code."""
