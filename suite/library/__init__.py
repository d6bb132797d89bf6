"""The functions and types of ``import loadscope``, which the command line calls too."""
