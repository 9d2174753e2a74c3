"""What is measured of the way of a message, and what each figure should be."""

from bench.figures import Measure, Measured


class PathFigure(Measured):
    """Ratios are to bare servers in the same round."""

    ACCEPTED = Measure("Time until the last message is accepted : bare", "", 1.0, 1.5)
    DELIVERED = Measure("Time until the last message is delivered : bare", "", 1.0, 1.5)
    CPU = Measure("Processor time : bare", "", 1.0, 1.15)
    LOG = Measure("Lines of the log : bare", "", 1.0, 1.1)
    LATE = Measure("Late messages", "", 0, 0)
    TCP_ACCEPTED = Measure("Over TCP with TLS: until the last message is accepted : bare", "", 1.0, 1.6)
    TCP_DELIVERED = Measure("Over TCP with TLS: until the last message is delivered : bare", "", 1.1, 1.8)
    TCP_CPU = Measure("Over TCP with TLS: processor time : bare", "", 1.3, 1.8)
    TCP_LATE = Measure("Over TCP with TLS: late messages", "", 0, 0)
