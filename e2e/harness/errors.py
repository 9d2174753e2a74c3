"""What can go wrong in a way that a person can act on."""


class HarnessError(Exception):
    """Carries a message that says what to do; printed without a traceback."""
