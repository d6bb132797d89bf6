"""Frameworks that cannot live in this environment: a worker in a Python of its own.

LoadGen, samples and answers stay in the measured process. The model is in another process, which
another Python runs; tensors pass through memory that both map. ``guest`` is what runs there: plain
Python from 3.6 on, without NumPy.
"""
