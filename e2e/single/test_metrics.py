"""What Prometheus gets of a running MailStack: everything that the alerts and the dashboard ask for."""

import re
from collections.abc import Iterator

import pytest

from harness import prometheus
from mailtest import monitoring, promql, release
from mailtest.command import CommandError, run
from mailtest.kubectl import Kubectl
from mailtest.stack import Stack
from mailtest.wait import until
from single import pages

# The labels that the chart's monitors give to their targets; the Prometheus operator adds `namespace` and `pod`.
PROBE_LABELS = ("job", "namespace", "pod", "mailstack")
OPERATOR_LABELS = ("job", "namespace", "pod")
FLAGS = ("podMonitor", "serviceMonitor", "prometheusRule", "dashboard")
SCRAPING = (
    *("interval=30s", "scrapeTimeout=10s", "labels.release=prometheus"),
    *("relabelings[0].targetLabel=cluster", "relabelings[0].replacement=mail"),
    *("metricRelabelings[0].sourceLabels[0]=__name__", "metricRelabelings[0].action=keep"),
)


def probe_page(stack: Stack) -> str:
    return monitoring.page(stack.namespace, stack.pod_name, 9100)


def everything_is_scraped(stack: Stack) -> None:
    """Promise: no alert is silent, and no panel empty, because its metric or label is called otherwise. A condition has
    a reason in the operator's metrics while it needs attention."""
    operators = [promql.scrape(page, *OPERATOR_LABELS) for page in pages.operator()]
    known = promql.together([promql.scrape(probe_page(stack), *PROBE_LABELS), *operators])
    lacking = {where: promql.lacking(promql.read(text), known) for where, text in monitoring.expressions().items()}
    assert {where: names for where, names in lacking.items() if names} == {}


def test_a_stopped_lmtp_is_seen_and_its_return(stack: Stack) -> None:
    """Fault: Dovecot's LMTP no longer listens. The probe's metrics say so, and the operator's."""
    stack.stop_lmtp()
    try:
        until("the probe sees it", lambda: pages.shows([probe_page(stack)], "mailstack_lmtp_up 0"), 60)
        refused = 'mailstack_lmtp_state{reason="ConnectionRefused"} 1'
        until("the probe knows the reason", lambda: pages.shows([probe_page(stack)], refused), 60)
        until(
            "the operator shows it", lambda: pages.shows(pages.operator(), f"{pages.ready_line(stack, 'false')} 1"), 60
        )
        everything_is_scraped(stack)
    finally:
        stack.start_lmtp()
    until("the probe sees it again", lambda: pages.shows([probe_page(stack)], "mailstack_lmtp_up 1"), 60)
    until(
        "the operator shows it again", lambda: pages.shows(pages.operator(), f"{pages.ready_line(stack, 'true')} 1"), 60
    )


@pytest.fixture
def _crds() -> Iterator[None]:
    """The Prometheus operator's kinds, without the operator."""
    files = [word for file in prometheus.crds() for word in ("-f", str(file))]
    Kubectl()("apply", "--server-side", *files)
    try:
        Kubectl()("wait", "--for=condition=Established", "--timeout=30s", *files)
        yield
    finally:
        Kubectl()("delete", "--wait=false", *files)


def _rendered(*settings: str) -> str:
    values = [f"--set=metrics.{setting}" for setting in settings]
    shown = [f"--show-only=templates/{flag.lower()}.yaml" for flag in FLAGS]
    return run(
        "helm", "template", release.RELEASE, str(release.CHART), f"--namespace={release.NAMESPACE}", *values, *shown
    )


@pytest.mark.usefixtures("_crds")
def test_the_prometheus_operator_takes_what_the_chart_makes() -> None:
    """Promise: each field that the chart writes is one of the CRDs, and its value is allowed."""
    monitors = [f"{flag}.{setting}" for flag in FLAGS[:2] for setting in SCRAPING]
    text = _rendered(*(f"{flag}.enabled=true" for flag in FLAGS), *monitors)
    applied = _dry_run(text)
    assert sorted(re.findall(r"^(\w+)[./]", applied, re.MULTILINE)) == sorted(
        ["podmonitor", "servicemonitor", "prometheusrule", "configmap"]
    )
    with pytest.raises(CommandError, match="unknown field"):
        _dry_run(text.replace("interval: 30s", "intervall: 30s"))


def _dry_run(text: str) -> str:
    return Kubectl()("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
