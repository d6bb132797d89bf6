"""One file a page; each has ``PAGE`` and is found because it lies here."""
