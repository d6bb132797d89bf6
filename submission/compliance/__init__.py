"""The round's compliance tests: how LoadGen is told of them, and how they are judged."""
