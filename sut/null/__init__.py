"""A backend without a model."""
