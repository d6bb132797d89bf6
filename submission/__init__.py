"""MLPerf's rules as data, and what is built and checked by them."""
