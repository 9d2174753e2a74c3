"""What is measured of a start and of changes, and what each figure should be."""

from bench.figures import Measure, Measured


class ChangesFigure(Measured):
    """Seconds of this machine; processor time is the node's, with the operator's and the kubelet's work in it."""

    START = Measure("A start: from apply to Ready", "s", 6, 20)
    START_CPU = Measure("Processor time for that", "s", 2, 6)
    RELOAD = Measure("A change that a reload takes: from apply to Ready", "s", 10, 30)
    RELOAD_CPU = Measure("Processor time for that, with its rehearsal", "s", 4, 10)
    RELOAD_AWAY = Measure("Port 25 away meanwhile", "s", 0, 0)
    ROLL = Measure("A change that replaces the pod: from apply to Ready", "s", 20, 60)
    ROLL_CPU = Measure("Processor time for that, with its rehearsal and its start", "s", 4, 12)
    ROLL_AWAY = Measure("Port 25 away during the replacement", "s", 3, 12)
