"""Preprocessed samples on disk, built once and mapped into memory."""
