"""Each alert fires at its fault, at it alone, and none while a MailStack is well or starts."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

from . import promtool

POD = 'job="mailstack",namespace="post",mailstack="mail",pod="mail-0"'
STACK = 'job="mailstack-operator",namespace="post",mailstack="mail",pod="operator-1"'
OPERATOR = 'job="mailstack-operator",namespace="mailstack-system",pod="operator-1"'
DAY = 86400

UP = f"up{{{POD}}}"
LMTP_UP = f"mailstack_lmtp_up{{{POD}}}"
FROZEN = f'mailstack_lmtp_state{{{POD},reason="Frozen"}}'
ENFORCED = f'mailstack_verification_enforced{{{POD},domain="example.org"}}'
NOT_ENFORCED = f'mailstack_verification_state{{{POD},reason="NotEnforced"}}'
DISABLED = f'mailstack_verification_state{{{POD},reason="Disabled"}}'
SMTP_UP = f"mailstack_smtp_up{{{POD}}}"
REFUSED = f'mailstack_smtp_state{{{POD},reason="ConnectionRefused"}}'
ACTIVE = f'mailstack_queue_oldest_seconds{{{POD},queue="active"}}'
DEFERRED = f'mailstack_queue_oldest_seconds{{{POD},queue="deferred"}}'
HOLD = f'mailstack_queue_oldest_seconds{{{POD},queue="hold"}}'
QUEUE_NEARLY_FULL = f'mailstack_volume_nearly_full{{{POD},volume="queue"}}'
QUEUE_FREE = f'mailstack_volume_free_bytes{{{POD},volume="queue"}}'
EXPIRY = f'mailstack_certificate_expiry_timestamp_seconds{{{POD},file="/run/mailstack/tls/tls.crt"}}'
NOT_REPORTED = f'mailstack_probe_reports_total{{{POD},result="error"}}'
READY = f'mailstack_condition{{{STACK},type="Ready",status="true"}}'
STALLED = f'mailstack_condition{{{STACK},type="Stalled",status="true"}}'
STALLED_REASON = f'mailstack_condition_reason{{{STACK},type="Stalled",reason="InvalidSpec"}}'
FAILED = f'mailstack_reconcile_total{{{OPERATOR},result="error"}}'
LEADER = f"mailstack_leader{{{OPERATOR}}}"

# For an hour and a half, one sample per half minute; promtool's clock starts at 0, in 1970.
ALWAYS = "x180"
COUNTING = f"0+1{ALWAYS}"
NEVER = f"_{ALWAYS}"
WELL = {
    UP: f"1{ALWAYS}",
    LMTP_UP: f"1{ALWAYS}",
    FROZEN: f"0{ALWAYS}",
    ENFORCED: f"1{ALWAYS}",
    NOT_ENFORCED: f"0{ALWAYS}",
    DISABLED: f"0{ALWAYS}",
    SMTP_UP: f"1{ALWAYS}",
    REFUSED: f"0{ALWAYS}",
    ACTIVE: f"20{ALWAYS}",
    DEFERRED: f"3600{ALWAYS}",
    HOLD: f"{9 * DAY}{ALWAYS}",
    QUEUE_NEARLY_FULL: f"0{ALWAYS}",
    QUEUE_FREE: f"{900 << 20}{ALWAYS}",
    EXPIRY: f"{60 * DAY}{ALWAYS}",
    NOT_REPORTED: f"3{ALWAYS}",
    READY: f"1{ALWAYS}",
    FAILED: f"3{ALWAYS}",
    LEADER: f"1{ALWAYS}",
    f"mailstack_leader{{{OPERATOR.replace('operator-1', 'operator-2')}}}": f"0{ALWAYS}",
}


class Alert(NamedTuple):
    """A name, and the labels beside it."""

    name: str
    labels: Mapping[str, str]


def of_pod(name: str, severity: str, **labels: str) -> Alert:
    return Alert(name, {"severity": severity, "namespace": "post", "mailstack": "mail", "pod": "mail-0", **labels})


def of_stack(name: str, severity: str = "warning") -> Alert:
    return Alert(name, {"severity": severity, "namespace": "post", "mailstack": "mail"})


@dataclass(frozen=True)
class Fault:
    """What is otherwise than WELL from the start, and the alert that fires after `minutes`, not one earlier."""

    series: Mapping[str, str]
    minutes: int
    alert: Alert


CERTIFICATE = {"file": "/run/mailstack/tls/tls.crt"}
DOVECOT_DOWN = {LMTP_UP: f"0{ALWAYS}", FROZEN: f"1{ALWAYS}", ENFORCED: f"0{ALWAYS}"}
PROBE_DOWN = {name: NEVER for name in WELL if POD in name} | {UP: f"0{ALWAYS}"}
PROBE_ABSENT = PROBE_DOWN | {UP: NEVER}
FAULTS = {
    "Dovecot is down": Fault(DOVECOT_DOWN, 2, of_pod("MailStackLMTPDown", "critical")),
    "Postfix is down": Fault(
        {SMTP_UP: f"0{ALWAYS}", REFUSED: f"1{ALWAYS}", ENFORCED: f"0{ALWAYS}"},
        2,
        of_pod("MailStackSMTPDown", "critical"),
    ),
    "a mail filter is away": Fault({SMTP_UP: f"0{ALWAYS}"}, 2, of_pod("MailStackSMTPDown", "critical")),
    "unknown addresses are accepted": Fault(
        {NOT_ENFORCED: f"1{ALWAYS}", ENFORCED: f"0{ALWAYS}"},
        5,
        of_pod("MailStackVerificationNotEnforced", "critical", domain="example.org"),
    ),
    "mail is stuck": Fault({ACTIVE: f"1801+30{ALWAYS}"}, 5, of_pod("MailStackQueueStuck", "warning", queue="active")),
    "mail is not delivered for hours": Fault(
        {DEFERRED: f"{4 * 3600 + 1}+30{ALWAYS}"}, 5, of_pod("MailStackQueueOld", "warning")
    ),
    "the queue's volume is nearly full": Fault(
        {QUEUE_NEARLY_FULL: f"1{ALWAYS}", QUEUE_FREE: f"{80 << 20}{ALWAYS}"},
        15,
        of_pod("MailStackVolumeNearlyFull", "warning", volume="queue"),
    ),
    "a certificate has two weeks": Fault(
        {EXPIRY: f"{14 * DAY}{ALWAYS}"}, 15, of_pod("MailStackCertificateExpiration", "warning", **CERTIFICATE)
    ),
    "a certificate has three days": Fault(
        {EXPIRY: f"{3 * DAY}{ALWAYS}"}, 15, of_pod("MailStackCertificateExpiration", "critical", **CERTIFICATE)
    ),
    "a certificate has expired": Fault(
        {EXPIRY: f"0{ALWAYS}"}, 15, of_pod("MailStackCertificateExpiration", "critical", **CERTIFICATE)
    ),
    "a probe does not answer": Fault(PROBE_DOWN, 5, of_pod("MailStackProbeDown", "warning")),
    "no probe is known": Fault(PROBE_ABSENT, 15, of_stack("MailStackProbeAbsent")),
    "a probe cannot write the status": Fault(
        {NOT_REPORTED: COUNTING}, 10, of_pod("MailStackProbeCannotReport", "warning")
    ),
    "a MailStack is not Ready": Fault({READY: f"0{ALWAYS}"}, 15, of_stack("MailStackNotReady")),
    "a MailStack needs a person": Fault(
        {READY: f"0{ALWAYS}", STALLED: f"1{ALWAYS}", STALLED_REASON: f"1{ALWAYS}"}, 5, of_stack("MailStackStalled")
    ),
    "runs of the operator fail": Fault(
        {FAILED: COUNTING},
        15,
        Alert(
            "MailStackReconcileFailing",
            {"severity": "warning", "namespace": "mailstack-system", "pod": "operator-1"},
        ),
    ),
    "no operator leads": Fault({LEADER: f"0{ALWAYS}"}, 5, Alert("MailStackOperatorDown", {"severity": "warning"})),
    "the operator is gone": Fault({LEADER: NEVER}, 5, Alert("MailStackOperatorDown", {"severity": "warning"})),
}

SILENT = {
    "all is well": {},
    # Pulled images: the pod runs after ten minutes, Dovecot takes mail 90 seconds later, and all is well 30 later.
    "a MailStack starts": {name: f"_x19 {values}" for name, values in WELL.items() if POD in name}
    | {LMTP_UP: "_x19 0x2 1x160", ENFORCED: "_x19 0x4 1x160", READY: "0x26 1x160"},
    "a MailStack's pod is replaced": {
        name: f"{value.partition('x')[0]}x30 stale _x1 {value}" for name, value in WELL.items() if POD in name
    }
    | {LMTP_UP: "1x30 stale _x1 0x2 1x160", ENFORCED: "1x30 stale _x1 0x6 1x160", READY: "1x30 0x10 1x160"},
    "verification is switched off": {DISABLED: f"1{ALWAYS}", ENFORCED: f"0{ALWAYS}"},
    "there is no TLS": {EXPIRY: NEVER},
    "a certificate has two weeks and a day": {EXPIRY: f"{15 * DAY}{ALWAYS}"},
    "a message was slow": {ACTIVE: "1790x9 20x160", DEFERRED: "14300x9 0x160"},
    "the API server was away for five minutes": {FAILED: "0+1x10 10x160", NOT_REPORTED: "0+30x10 300x160"},
    "the operator is upgraded": {LEADER: "1x20 stale _x3 1x160", READY: "1x20 stale _x3 1x160"},
    "a spec was wrong for a minute": {READY: "1x20 0x2 1x160", STALLED: "_x20 1x2 stale _x160"},
}


@dataclass(frozen=True)
class Moment:
    """Which alerts fire at a time."""

    minutes: float
    alerts: tuple[Alert, ...] = field(default=())

    def expectation(self) -> dict[str, object]:
        """As promtool takes it: Prometheus itself writes the series ALERTS."""
        samples = [
            {"labels": _series("ALERTS", {"alertname": name, "alertstate": "firing", **labels}), "value": 1}
            for name, labels in self.alerts
        ]
        query = 'ALERTS{alertstate="firing"}'
        return {"expr": query, "eval_time": f"{self.minutes * 60:.0f}s", "exp_samples": samples}


def _series(name: str, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{pairs}}}"


def _case(name: str, changes: Mapping[str, str], *moments: Moment) -> promtool.Case:
    return promtool.Case(name, {**WELL, **changes}, "promql_expr_test", [each.expectation() for each in moments])


def _fault(name: str, fault: Fault) -> promtool.Case:
    """A rate is known from the second sample on: half a minute more."""
    firing = (Moment(fault.minutes + minutes, (fault.alert,)) for minutes in (0.5, 10))
    return _case(name, fault.series, Moment(fault.minutes - 0.5), *firing)


def test_each_fault_fires_its_alert_alone_and_in_time(tmp_path: Path) -> None:
    promtool.check(tmp_path, itertools.starmap(_fault, FAULTS.items()))


def test_nothing_fires_while_all_is_well_or_starts(tmp_path: Path) -> None:
    moments = [Moment(minutes) for minutes in range(0, 40, 2)]
    promtool.check(tmp_path, (_case(name, series, *moments) for name, series in SILENT.items()))


class Rule(BaseModel):
    """An alert, of which an annotation more or a label less is an error."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    class Labels(BaseModel):
        severity: Literal["critical", "warning"]

    class Annotations(BaseModel):
        model_config = ConfigDict(extra="forbid")
        summary: str
        description: str

    alert: str
    expr: str
    hold: str = Field(alias="for")
    labels: Labels
    annotations: Annotations


def _rules() -> list[Rule]:
    groups = yaml.safe_load(promtool.RULES.read_text())["groups"]
    return [Rule.model_validate(rule) for group in groups for rule in group["rules"]]


def test_every_alert_was_seen_to_fire() -> None:
    fired = {(fault.alert.name, fault.alert.labels["severity"]) for fault in FAULTS.values()}
    assert fired == {(rule.alert, rule.labels.severity) for rule in _rules()}


def test_words_name_no_label_that_the_alert_does_not_have() -> None:
    """Prometheus would write nothing in its place."""
    labels = {fault.alert.name: fault.alert.labels for fault in FAULTS.values()}
    for rule in _rules():
        words = f"{rule.annotations.summary} {rule.annotations.description}"
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= labels[rule.alert].keys(), rule.alert


WORDS = {
    "Dovecot is down": (
        "Dovecot of MailStack post/mail does not accept mail",
        "LMTP in pod mail-0 does not work (Frozen). Postfix still accepts and queues mail for known users. Look at "
        "`kubectl mailstack status mail -n post`, whose message says what to do, and at the log of the container "
        "dovecot.",
    ),
    "a certificate has three days": (
        "A certificate of MailStack post/mail expires in 2d 23h 44m 0s",
        "Pod mail-0 reads it from /run/mailstack/tls/tls.crt. Renew the Secret that the MailStack's spec "
        "names; the servers use the new one within 90 seconds, without a restart (docs/tls.md).",
    ),
    "a MailStack needs a person": (
        "MailStack post/mail needs a person",
        "The operator cannot continue by itself (InvalidSpec); running pods stay as they are. `kubectl -n post "
        "describe mailstack mail` says what to change; docs/operations.md lists the reasons.",
    ),
}


def _words(name: str, summary: str, description: str) -> promtool.Case:
    fault = FAULTS[name]
    annotations = {"summary": summary, "description": description}
    alerts = [{"exp_labels": dict(fault.alert.labels), "exp_annotations": annotations}]
    moment = {"eval_time": f"{fault.minutes + 1}m", "alertname": fault.alert.name, "exp_alerts": alerts}
    return promtool.Case(name, {**WELL, **fault.series}, "alert_rule_test", [moment])


def test_words_of_the_alerts(tmp_path: Path) -> None:
    """The reason comes from another series: Prometheus' own templates, run by promtool."""
    promtool.check(tmp_path, (_words(name, *words) for name, words in WORDS.items()))
