"""The process in which one LoadGen test runs, and the replicas beside it."""
