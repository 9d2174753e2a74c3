"""Which metrics and labels PromQL expressions name, and which of them a scrape does not have. Pure.

promtool checks the grammar; no tool tells that a metric of that name exists.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

#: Label names by metric name.
Scrape = Mapping[str, frozenset[str]]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)?\s*\{([^}]*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*<(\d+)>")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^]]*\]")
_NAME = re.compile(r"(?<![\w.:$])([A-Za-z_:][\w:]*)(?!\s*\(|[\w:])")
_OPERATORS = {"and", "or", "unless", "bool", "offset", "group_left", "group_right", "inf", "nan"}


@dataclass(frozen=True)
class Named:
    """A metric and the labels that are asked of it."""

    metric: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Expression:
    """What an expression names; `grouping` are the labels of `by`, `on` and their like."""

    selectors: frozenset[Named]
    grouping: frozenset[str]

    @property
    def metrics(self) -> set[str]:
        return {named.metric for named in self.selectors}


def read(expression: str) -> Expression:
    """Everything that is no operator, function or label is taken for a metric, so a misspelt one is among them."""
    strings: list[str] = []

    def kept(found: re.Match[str]) -> str:
        strings.append(found[0][1:-1])
        return f"<{len(strings) - 1}>"

    rest = _STRING.sub(kept, expression)
    selectors = {named for name, matchers in _SELECTOR.findall(rest) for named in _named(name, matchers, strings)}
    rest = _RANGE.sub("", _SELECTOR.sub(" ", rest))
    grouping = {label.strip() for labels in _GROUPING.findall(rest) for label in labels.split(",")}
    bare = set(_NAME.findall(_GROUPING.sub(" ", rest))) - _OPERATORS
    return Expression(frozenset(selectors | {Named(name) for name in bare}), frozenset(grouping - {""}))


def _named(name: str, matchers: str, strings: list[str]) -> Iterator[Named]:
    """A selector's metrics: those of __name__="a|b" where it begins with the brace."""
    values = {label: strings[int(number)] for label, number in _MATCHER.findall(matchers)}
    names = [name] if name else values.get("__name__", "").split("|")
    return (Named(each, frozenset(values.keys() - {"__name__"})) for each in names)


def scrape(text: str, *target_labels: str) -> dict[str, frozenset[str]]:
    """The metrics of a page, with their own labels and those that Prometheus gives to its target."""
    found: dict[str, set[str]] = {"up": set(target_labels)}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set(target_labels)).update(sample.labels)
    return {name: frozenset(labels) for name, labels in found.items()}


def together(scrapes: Iterable[Scrape]) -> dict[str, frozenset[str]]:
    """Of all pages; a metric has the labels that it has anywhere."""
    merged: dict[str, frozenset[str]] = {}
    for page in scrapes:
        for name, labels in page.items():
            merged[name] = merged.get(name, frozenset()) | labels
    return merged


def lacking(expression: Expression, known: Scrape) -> set[str]:
    """What the expression names and the scrape does not have: metrics, METRIC{LABEL}, and labels of groupings."""
    missing = expression.metrics - known.keys()
    for named in expression.selectors:
        missing |= {f"{named.metric}{{{label}}}" for label in named.labels - known.get(named.metric, named.labels)}
    labels = frozenset[str]().union(*(known.get(metric, frozenset()) for metric in expression.metrics))
    return missing | {f"by ({label})" for label in expression.grouping - labels}
