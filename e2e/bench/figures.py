"""What the bench measures, what each figure should be, and the table of a run."""

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar


@dataclass(frozen=True)
class Measure:
    """`goal` is what the figure should be at most; above `bound` a run fails. `unit` is empty for a ratio.

    `size` is the number of MailStacks from which on the bound holds: what a start costs is the same for few and many.
    """

    text: str
    unit: str
    goal: float
    bound: float
    size: int = 0


class Measured(Enum):
    """Figures of a part of the bench; each has a Measure."""

    @property
    def measure(self) -> Measure:
        assert isinstance(self.value, Measure)
        return self.value


class Figure(Measured):
    """Of the loop. Ratios are to the floor of the same round."""

    CPU = Measure("Processor time until settled : floor", "", 2.5, 6.0)
    WALL = Measure("Wall time : floor", "", 1.2, 3.0)
    REQUESTS = Measure("Requests per new MailStack, more than the floor's", "", 2, 5)
    MEMORY_EACH = Measure("Memory per MailStack", "KB", 10, 40, size=1000)
    IDLE_CPU = Measure("Processor at idle", "millicores", 5, 8)
    IDLE_SERVERS = Measure("Processor of API server and etcd meanwhile", "millicores", 60, 90)
    IDLE_GETS = Measure("GETs at idle", "per second", 0, 0.5)
    SCRAPE_SIZE = Measure("One scrape of the operator", "KB", 200, 200)
    SCRAPE_TIME = Measure("One scrape of the operator", "ms", 20, 60)
    CHANGE = Measure("Spec change to ConfigMap : by hand, median", "", 1.5, 5.0)
    RESTART = Measure("Settled after a restart : floor's wall time", "", 0.15, 1.0, size=1000)
    RESTART_CPU = Measure("Processor time of that : floor", "", 1.0, 4.0, size=1000)
    RESTART_MEMORY = Measure("Memory after a restart", "MB", 120, 200)
    RESTART_PEAK = Measure("Most memory meanwhile", "MB", 120, 200)
    RESTART_WRITES = Measure("Writes after a restart", "", 0, 0)


Found = Mapping[Figure, float]
# What a size is called.
Heading = Callable[[int], str]
F = TypeVar("F", bound=Measured)


@dataclass(frozen=True)
class Row:
    """A figure at one size, such as a number of MailStacks, of all rounds."""

    figure: Measured
    size: int
    values: Sequence[float]

    @property
    def is_within_bound(self) -> bool:
        """By the median: one round may meet a busy machine."""
        measure = self.figure.measure
        return self.size < measure.size or statistics.median(self.values) <= measure.bound

    def cell(self) -> str:
        """Minimum, median and maximum; one number where there was one round."""
        three = (min(self.values), statistics.median(self.values), max(self.values))
        return " / ".join(dict.fromkeys(_number(each) for each in three))


def rows(figures: type[F], rounds: Mapping[int, Sequence[Mapping[F, float]]]) -> list[Row]:
    """By figure, then by size; `rounds` are those of each size."""
    return [
        Row(figure, size, [found[figure] for found in of_size])
        for figure in figures
        for size, of_size in sorted(rounds.items())
    ]


def table(found: Iterable[Row], heading: Heading) -> list[str]:
    """In Markdown: a line for each figure, a column for each size."""
    by_figure: dict[Measured, dict[int, Row]] = {}
    for row in found:
        by_figure.setdefault(row.figure, {})[row.size] = row
    sizes = sorted({size for of_figure in by_figure.values() for size in of_figure})
    head = ["Figure", *(heading(size) for size in sizes), "Goal", "Bound"]
    lines = [_line(figure.measure, [of_figure[size] for size in sizes]) for figure, of_figure in by_figure.items()]
    return [_cells(head), _cells(["---"] * len(head)), *lines]


def judge(found: Iterable[Row], heading: Heading) -> int:
    """The exit status: 1 if a figure is over its bound, which standard error then names."""
    bad = [row for row in found if not row.is_within_bound]
    for row in bad:
        measure = row.figure.measure
        print(f"over its bound of {measure.bound}: {measure.text}, {heading(row.size)}: {row.cell()}", file=sys.stderr)
    return 1 if bad else 0


def number_of(what: str) -> Heading:
    """Where a size is a number of things, which are named in the plural."""
    return lambda size: f"{size:,} {what.removesuffix('s') if size == 1 else what}"


def _line(measure: Measure, of_sizes: Iterable[Row]) -> str:
    name = f"{measure.text}, {measure.unit}" if measure.unit else measure.text
    limits = [_number(measure.goal), _number(measure.bound)]
    return _cells([name, *(row.cell() for row in of_sizes), *limits])


def _cells(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
