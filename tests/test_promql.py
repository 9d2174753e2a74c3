"""The end-to-end tests find every metric and label that an expression names; a misspelt one must not slip through."""

import pytest

from mailtest import promql
from mailtest.promql import Named

PAGE = """\
# TYPE mailstack_lmtp_up gauge
mailstack_lmtp_up 1
# TYPE mailstack_queue_messages gauge
mailstack_queue_messages{queue="active"} 0
# TYPE mailstack_lmtp_check_seconds histogram
mailstack_lmtp_check_seconds_bucket{le="+Inf"} 2
mailstack_lmtp_check_seconds_count 2
mailstack_lmtp_check_seconds_sum 0.1
"""
KNOWN = promql.scrape(PAGE, "namespace", "pod")

NAMES: dict[str, tuple[dict[str, set[str]], set[str]]] = {
    "a == 0": ({"a": set()}, set()),
    'sum by (x, y) (rate(a_total{b="c", d=~"e|f"}[5m])) > 4 * 3600': ({"a_total": {"b", "d"}}, {"x", "y"}),
    'a{b="{c}"} unless on (x) (d{e!="f"} == 1)': ({"a": {"b"}, "d": {"e"}}, {"x"}),
    "histogram_quantile(0.95, sum by (le) (rate(a_bucket[$__rate_interval])))": ({"a_bucket": set()}, {"le"}),
    "min(a - time()) and on () b or vector(0)": ({"a": set(), "b": set()}, set()),
    "a * on (x) group_left (y) b{z='1'}": ({"a": set(), "b": {"z"}}, {"x", "y"}),
    'count by (e) ({__name__=~"a|b", c="d"})': ({"a": {"c"}, "b": {"c"}}, {"e"}),
}


@pytest.mark.parametrize("expression", NAMES)
def test_names_of_an_expression(expression: str) -> None:
    metrics, grouping = NAMES[expression]
    found = promql.read(expression)
    assert found.selectors == {Named(name, frozenset(labels)) for name, labels in metrics.items()}
    assert found.grouping == grouping


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ('sum by (pod, queue) (mailstack_queue_messages{queue="active", namespace="a"})', set()),
        ("rate(mailstack_lmtp_check_seconds_bucket[5m]) + mailstack_lmtp_check_seconds_sum + up", set()),
        ("mailstack_lmtp_upp == 0", {"mailstack_lmtp_upp"}),
        ("rate(mailstack_lmtp_check_seconds[5m])", {"mailstack_lmtp_check_seconds"}),
        ('mailstack_lmtp_up{queue="active"}', {"mailstack_lmtp_up{queue}"}),
        ("max by (namespace, domain) (mailstack_lmtp_up)", {"by (domain)"}),
    ],
)
def test_what_a_scrape_does_not_have(expression: str, missing: set[str]) -> None:
    assert promql.lacking(promql.read(expression), KNOWN) == missing


def test_a_metric_has_the_labels_that_it_has_anywhere() -> None:
    pages = [{"up": frozenset({"pod"})}, {"up": frozenset({"job"}), "a": frozenset[str]()}]
    assert promql.together(pages) == {"up": {"pod", "job"}, "a": frozenset()}
