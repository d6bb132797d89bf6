"""A SUT on another host, served by ``loadscope serve-sut``."""
