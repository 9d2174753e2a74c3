"""Metrics in Prometheus' text format. Pure.

Source: Prometheus' "Exposition formats", text-based format, version 0.0.4.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    """A value, its labels, and a suffix of the metric's name, such as `_bucket`."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Metric:
    """`kind` is gauge, counter or histogram."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


def text(metrics: Iterable[Metric]) -> str:
    """Without the metrics that have no samples."""
    return "".join(line for metric in metrics if metric.samples for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {metric.help}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for sample in metric.samples:
        yield f"{metric.name}{sample.suffix}{_labels(sample.labels)} {sample.value:.16g}\n"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class Histogram:
    """Counts seconds by upper bound. Not thread-safe."""

    def __init__(self, *bounds: float) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._count = 0
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._count += 1
        self._sum += seconds
        for index, bound in enumerate(self._bounds):
            self._counts[index] += seconds <= bound

    def samples(self) -> list[Sample]:
        buckets = zip(map(str, self._bounds), self._counts, strict=True)
        return [
            *(Sample(count, {"le": bound}, "_bucket") for bound, count in buckets),
            Sample(self._count, {"le": "+Inf"}, "_bucket"),
            Sample(self._sum, suffix="_sum"),
            Sample(self._count, suffix="_count"),
        ]
