"""The emulated IBM Z: an s390x root, LoadGen built for it, and the suite's checks run in it."""
