"""Static quantisation by each framework's own tool, with its calibration set and provenance."""
