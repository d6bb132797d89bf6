"""Dask distributed as what carries requests to hosts: one worker a host, names and JSON alone."""
