"""The one error of the harness."""


class BenchFailure(Exception):
    """Something could not be run or can't be trusted; the text says what."""
