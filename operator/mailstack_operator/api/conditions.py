"""The conditions of a MailStack, the checks that the probes make, and the operator's own reasons. Pure.

The one module of the operator that spells a condition's name. What shows, sums up or counts conditions iterates over
CHECKS, so that a new check is an entry here and a module of mailstack_probe that asks it. The probes' own reasons are
those of mailstack_probe.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mailstack_operator.api.model import Model
from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.kube.objects import Json, Object, number, text
from mailstack_probe import contract
from mailstack_probe.reasons import Documented

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"


class ConditionType(Documented):
    """The `type` of each condition."""

    READY = "Ready", "Everything is as the spec says, and every check that the spec needs is True."
    LMTP_REACHABLE = "LMTPReachable", "Dovecot accepts mail over LMTP, as seen from every mail pod."
    VERIFICATION_READY = "VerificationReady", "Every Postfix refuses unknown recipients."
    SMTP_REACHABLE = "SMTPReachable", "Every Postfix accepts mail on port 25, as another mail server sees it."
    CLIENTS_REACHABLE = "ClientsReachable", "Mail programs get an answer on every port, and logins are checked."
    USERS_READY = "UsersReady", "Dovecot finds every user whom the users file names, or the canary of another source."
    FILTER_READY = "FilterReady", "The filter of spec.filter answers Postfix; present only with spec.filter."
    CONFIG_VALID = "ConfigValid", "Neither the operator nor the servers refused the configuration."
    RECONCILING = "Reconciling", "The operator is at work or waits for something; present only while true."
    STALLED = "Stalled", "Only a change by an administrator helps; present only while true."
    WARNINGS = "Warnings", "Something works that should be looked at all the same; present only while true."


class Reason(Documented):
    """The operator's own reasons. A pod that cannot run is also reported with the kubelet's or scheduler's reason."""

    RUNNING = "Running", "Everything is as the spec says."
    VALID = "Valid", "The spec is valid."
    PROGRESSING = "Progressing", "An object or a pod is being made or replaced."
    POD_NOT_READY = "PodNotReady", "A pod is starting; the message names the container."
    CONTAINER_CRASH = "ContainerCrash", "A container ends by itself; the message has the last line of its log."
    IMAGE_PULL = "ImagePull", "The node cannot pull an image."
    FAILED_CREATE = "FailedCreate", "The API server refuses a pod; the message is verbatim."
    VOLUME_IN_USE = "VolumeInUse", "An earlier pod may still write to a volume; the pod waits until it has ended."
    UNSCHEDULABLE = "Unschedulable", "The scheduler finds no node for a pod."
    SECRET_NOT_FOUND = "SecretNotFound", "A Secret that the spec names does not exist."
    SECRET_KEY_NOT_FOUND = "SecretKeyNotFound", "A Secret that the spec names lacks a key."
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound", "A ConfigMap that the spec names does not exist."
    CONFIG_MAP_KEY_NOT_FOUND = "ConfigMapKeyNotFound", "A ConfigMap that the spec names lacks a key."
    CERTIFICATE_INVALID = "CertificateInvalid", "No server could use the certificate in a Secret."
    USERS_FILE_INVALID = "UsersFileInvalid", "The users file in a Secret has no line of a user whom mail reaches."
    ALIASES_INVALID = "AliasesInvalid", "Lines of the file of aliases in a ConfigMap are wrong; the message names them."
    DKIM_KEY_INVALID = "DKIMKeyInvalid", "A key in a Secret of spec.dkim cannot sign; the message says why."
    PASSWORD_INVALID = "PasswordInvalid", "The password of the source of users in a Secret cannot be used as it is."
    ADDRESS_PENDING = "AddressPending", "A Service of spec.expose waits for the address of its load balancer."
    REHEARSING = "Rehearsing", "A changed configuration is tried in a pod of its own."
    REHEARSAL_FAILED = (
        "RehearsalFailed",
        "The rehearsal ended without a verdict because of its node; it is retried.",
    )
    CHILD_TERMINATING = "ChildTerminating", "An object of that name is being deleted; it is created again afterwards."
    INVALID_SPEC = "InvalidSpec", "The spec breaks a rule; the message names the field."
    CONFIG_REFUSED = "ConfigRefused", "Postfix or Dovecot refused the changed configuration in its rehearsal."
    FOREIGN_OBJECT = "ForeignObject", "An object of that name belongs to another owner."
    APPLY_REFUSED = "ApplyRefused", "The API server refused an object."
    REQUEST_REFUSED = "RequestRefused", "The API server refused another request."
    RUN_FAILED = "RunFailed", "The API server does not answer a request, or the operator fails; it tries again."
    DISABLED = "Disabled", "The spec switches off what would be checked."
    NO_POD = "NoPod", "There is no mail pod yet."
    POD_TERMINATING = "PodTerminating", "The pod is being deleted; its probe's last report is ignored."
    NODE_LOST = "NodeLost", "The pod's node does not respond; its probe's last report is ignored."
    PROBE_NOT_RUNNING = "ProbeNotRunning", "The container `probe` is not running; its last report is ignored."
    NOT_ASKED = "NotAsked", "The pod's probe is of an earlier operator and does not know this check; Ready ignores it."
    NOT_PROBED = "NotProbed", "The pod's probe has not reported yet."
    NOT_REPORTED = "NotReported", "In metrics alone: the operator has not reported on this generation of the spec yet."


class WarningReason(Documented):
    """The operator's own warnings. They never make a MailStack less than Ready."""

    SEVERAL = "SeveralWarnings", "There are warnings with different reasons; the message has the reason of each."
    NAME_TOO_LONG = "NameTooLong", "A later version may refuse the MailStack's name."
    DEPRECATED = (
        "Deprecated",
        "The spec sets something that a later version may refuse; the message names what is for it.",
    )
    NOT_ENCRYPTED = "NotEncrypted", "Mail crosses the pod network without TLS."
    PULL_SECRET_NOT_FOUND = "PullSecretNotFound", "A Secret of spec.imagePullSecrets does not exist."
    SENDERS_REFUSED = "SendersRefused", "Restrictions of postfix.parameters refuse mail from every other server."
    LOCAL_TRAFFIC_SPLIT = "LocalTrafficSplit", "A node may get connections for a server that runs on another one."
    VOLUME_NOT_CHANGED = "VolumeNotChanged", "The API server refused to grow a volume, or to mark its claim."


@dataclass(frozen=True, slots=True)
class Condition:
    """One fact, in the terms of Kubernetes' metav1.Condition.

    `status` is True, False or Unknown; `generation` is the metadata.generation that it refers to, `since` when its
    status last changed (RFC 3339): 0 and "" until the status is written. In a pod's entry `type` is the check's name.
    """

    type: str
    status: str
    reason: str
    message: str
    generation: int = 0
    since: str = ""

    def to_json(self) -> Object:
        """As an entry of `status.conditions`."""
        return {
            "type": self.type,
            "status": self.status,
            "observedGeneration": self.generation,
            "lastTransitionTime": self.since,
            "reason": self.reason,
            "message": self.message,
        }


def condition_of(entry: Mapping[str, Json]) -> Condition:
    """Reads an entry of `status.conditions`."""
    return Condition(
        type=text(entry, "type"),
        status=text(entry, "status"),
        reason=text(entry, "reason"),
        message=text(entry, "message"),
        generation=number(entry, "observedGeneration"),
        since=text(entry, "lastTransitionTime"),
    )


def verdict_of(check: str, verdict: Mapping[str, Json]) -> Condition:
    """Reads a probe's verdict: the field `check` of an entry of `status.pods`."""
    status, reason = text(verdict, "status") or UNKNOWN, text(verdict, "reason") or Reason.NOT_PROBED
    return Condition(check, status, reason, text(verdict, "message"), since=text(verdict, "since"))


@dataclass(frozen=True)
class Check:
    """What the probes ask, and the condition that sums up their answers.

    `name` is the field of `status.pods[]`, `column` the title of the printer column;
    `asked_in` are the components in whose pods it is asked. Where `needed` is false of a spec, the check does not count
    for Ready, and its condition says `otherwise`. `with_mail`: only in the pod that has the volume of mail.
    `optional`: there is no condition where it is not needed.
    """

    name: str
    condition: str
    column: str
    question: str
    asked_in: frozenset[str]
    needed: Callable[[MailStackSpec[Model]], bool]
    otherwise: str = ""
    with_mail: bool = False
    optional: bool = False


def _always(_: MailStackSpec[Model]) -> bool:
    return True


CHECKS = (
    Check(
        name=contract.LMTP,
        condition=ConditionType.LMTP_REACHABLE,
        column="LMTP",
        question="Whether Dovecot takes mail over LMTP.",
        asked_in=frozenset(("postfix", "dovecot")),
        needed=_always,
    ),
    Check(
        name=contract.VERIFICATION,
        condition=ConditionType.VERIFICATION_READY,
        column="Verification",
        question="Whether Postfix refuses unknown recipients.",
        asked_in=frozenset(("postfix",)),
        needed=lambda spec: spec.verification.enabled,
        otherwise=(
            "spec.verification.enabled is false: Postfix accepts every address of its domains and returns "
            "undeliverable mail to its sender"
        ),
    ),
    Check(
        name=contract.SMTP,
        condition=ConditionType.SMTP_REACHABLE,
        column="SMTP",
        question="Whether Postfix accepts mail on port 25, as another mail server sees it.",
        asked_in=frozenset(("postfix",)),
        needed=_always,
    ),
    Check(
        name=contract.CLIENTS,
        condition=ConditionType.CLIENTS_REACHABLE,
        column="Clients",
        question="Whether mail programs get an answer on every port, and logins are checked.",
        asked_in=frozenset(("postfix", "dovecot")),
        needed=_always,
    ),
    Check(
        name=contract.USERS,
        condition=ConditionType.USERS_READY,
        column="Users",
        question="Whether Dovecot finds every user whom the users file names, or the canary of another source.",
        asked_in=frozenset(("postfix", "dovecot")),
        needed=_always,
        with_mail=True,
    ),
    Check(
        name=contract.FILTER,
        condition=ConditionType.FILTER_READY,
        column="Filter",
        question="Whether the filter beside Postfix answers.",
        asked_in=frozenset(("postfix",)),
        needed=lambda spec: spec.filter is not None,
        optional=True,
    ),
)


def always_shown(checks: Iterable[Check] = CHECKS) -> tuple[str, ...]:
    """The conditions that a reported status always has, in their order: not those that few specs need."""
    return (
        ConditionType.READY,
        *(check.condition for check in checks if not check.optional),
        ConditionType.CONFIG_VALID,
    )
