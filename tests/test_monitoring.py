"""docs/monitoring.md, the alerts and the dashboard name the metrics that the code has, and no others."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mailstack_operator.edge import metrics as operator_metrics
from mailstack_operator.kube.objects import Json
from mailstack_operator.loop.store import Store
from mailstack_probe import exposition
from mailstack_probe import metrics as probe_metrics
from mailstack_probe.board import Board
from mailstack_probe.contract import CLIENTS, LMTP, SMTP, VERIFICATION, ProbeOptions
from mailstack_probe.probe import Probe
from mailstack_probe.reasons import BY_CHECK, Reason
from mailstack_probe.reports import ApiServer, Identity, Reporter
from mailstack_probe.verdicts import good
from mailtest import monitoring, promql
from tests.probe import keys
from tests.probe.test_files import meta
from tests.stacks import body

DOCS = Path(__file__).parents[1] / "docs"
EXPRESSIONS = monitoring.expressions()
READY: Json = {"type": "Ready", "status": "False", "reason": "InvalidSpec", "observedGeneration": 1}


class Row(NamedTuple):
    """Of a table of metrics."""

    name: str
    type: str
    labels: frozenset[str]


def probe_page(folder: Path) -> str:
    """What the probe of a pod with everything in it shows once it has asked both servers."""
    (folder / "tls.crt").write_bytes(keys.pair().certificate)
    (folder / "verify.lmdb").write_bytes(meta(7, 1) + meta(8, 2))
    places = [f"--certificate={folder}/tls.crt", f"--verify-map={folder}/verify.lmdb", f"--queue={folder}"]
    whose = ["--domain=example.org", "--stack=post/mail", "--port=9100"]
    options = ProbeOptions.parse(
        [
            f"--lmtp=unix:{folder}/lmtp",
            "--smtp=25",
            "--imap=143",
            "--connections=1000",
            "--verification=10025",
            "--expect=550",
            f"--store={folder}",
            *places,
            *whose,
        ]
    )
    board, entry = Board(), Identity.of(options.stack, "mail-0", "1")
    probe = Probe(options, board)
    board.put(LMTP, good(Reason.REACHABLE, "it answers"))
    board.put(VERIFICATION, good(Reason.ENFORCED, "it refuses"))
    board.put(SMTP, good(Reason.RECEIVING, "it accepts"))
    board.put(CLIENTS, good(Reason.SERVING, "they answer"))
    probe.volumes.turn()
    probe.pod.domains = {"example.org": good(Reason.ENFORCED, "it refuses")}
    return exposition.text(
        probe_metrics.collect(options, probe, Reporter(board, entry, ApiServer.of_cluster(options.credentials)))
    )


def operator_page() -> str:
    store = Store()
    store.note(body({"status.conditions": [READY]}))
    with operator_metrics.leading(store):
        return generate_latest(operator_metrics.REGISTRY).decode()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By the heading in the docs."""
    folder = tmp_path_factory.mktemp("pod")
    return {"Metrics of the probes": probe_page(folder), "Metrics of the operator": operator_page()}


def table(heading: str) -> Iterator[Sequence[str]]:
    """The rows of the table under a heading of docs/monitoring.md."""
    _, _, rest = (DOCS / "monitoring.md").read_text().partition(f"\n## {heading}\n")
    for line in rest.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def documented(heading: str) -> set[Row]:
    return {
        Row(name.strip("`"), kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in table(heading)
    }


def shown(page: str) -> set[Row]:
    """The families of a page; a counter has its suffix, as it has on the page."""
    rows = set()
    for family in text_string_to_metric_families(page):
        labels = frozenset[str]().union(*(sample.labels for sample in family.samples)) - {"le"}
        rows.add(Row(f"{family.name}_total" if family.type == "counter" else family.name, family.type, labels))
    return rows


@pytest.mark.parametrize("heading", ["Metrics of the probes", "Metrics of the operator"])
def test_table_of_metrics_is_true(pages: dict[str, str], heading: str) -> None:
    assert documented(heading) == shown(pages[heading])


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_expression_names_what_the_code_shows(pages: dict[str, str], where: str) -> None:
    """The end-to-end test proves the same by a scrape of a real cluster."""
    of_probes = promql.scrape(pages["Metrics of the probes"], "job", "namespace", "pod", "mailstack")
    of_operator = promql.scrape(pages["Metrics of the operator"], "job", "namespace", "pod")
    known = promql.together([of_probes, of_operator])
    assert not promql.lacking(promql.read(EXPRESSIONS[where]), known)


def test_every_metric_has_the_prefix_and_the_unit_of_its_kind(pages: dict[str, str]) -> None:
    """Prometheus' conventions for names."""
    for row in set[Row]().union(*map(shown, pages.values())):
        assert row.name.startswith("mailstack_")
        assert (row.type == "counter") == row.name.endswith("_total"), row
        assert (row.type == "histogram") <= row.name.endswith("_seconds"), row


def test_table_of_alerts_is_true() -> None:
    rules = yaml.safe_load((monitoring.FILES / "alerts.yaml").read_text())["groups"]
    severities: dict[str, list[str]] = {}
    for rule in (rule for group in rules for rule in group["rules"]):
        severities.setdefault(rule["alert"], []).append(rule["labels"]["severity"])
    rows = [(name.strip("`"), severity.split(", ")) for name, severity, *_ in table("Alerts")]
    assert dict(rows) == severities


def test_table_of_alerts_has_their_times() -> None:
    rules = yaml.safe_load((monitoring.FILES / "alerts.yaml").read_text())["groups"]
    fires = {name.strip("`"): text for name, _, text, _ in table("Alerts")}
    for rule in (rule for group in rules for rule in group["rules"]):
        assert f"for {rule['for'].removesuffix('m')} min" in fires[rule["alert"]], rule["alert"]


@pytest.mark.parametrize("check", BY_CHECK)
def test_every_reason_that_an_alert_asks_for_is_one(check: str) -> None:
    for expression in EXPRESSIONS.values():
        for asked in re.findall(rf'mailstack_{check}_state{{[^}}]*reason=~?"([^"]+)"', expression):
            assert set(asked.split("|")) <= set(BY_CHECK[check])
