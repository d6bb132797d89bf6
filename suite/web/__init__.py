"""The web application: pages on loopback over run directories and their index."""
