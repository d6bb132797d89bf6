"""What can run: manifests, their entries, and the sources of files."""
