"""The command line, and the stages that read and write run directories."""
