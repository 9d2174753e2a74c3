"""What a process used, as Linux tells it: proc_pid_stat(5), proc_pid_smaps(5)."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# utime and stime, counted from the field after the name, which may hold spaces.
_UTIME, _STIME = 11, 12


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads since the start, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def pss_megabytes(pid: int) -> float:
    """Memory, with what is shared divided by its users."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
