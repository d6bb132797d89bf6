"""The figures of a run as data: one file a metric, found by being here."""
