"""The filter beside Postfix: what it is told, what Postfix and Dovecot are told of it, and what its pod gives it."""

import re

import pytest

from mailstack_operator.kube.objects import Json, Object, entries, number, section, text
from mailstack_operator.stack import children, topology
from mailstack_operator.stack.dovecot import dovecot_conf, junk_sieve
from mailstack_operator.stack.postfix import main_cf, master_cf
from mailstack_operator.stack.rspamd import rspamd_conf
from tests.stacks import stack

FILTER: dict[str, Json] = {"spec.plugins.sieve": {}, "spec.filter": {}}
OWN: dict[str, Json] = {"spec.milters": [{"host": "archive.post.svc", "port": 8891}]}
GREYLIST: dict[str, Json] = {"greylist": {"redis": {"host": "redis.post.svc"}}}
SOCKET = "unix:/run/mailstack/filter/milter.sock"


def planned(changes: dict[str, Json] | None = None) -> topology.Topology:
    return topology.decide(stack({**FILTER, **(changes or {})}))


def rendered(**fields: Json) -> str:
    """The file without its blanks."""
    plan = planned({"spec.filter": fields})
    assert plan.spec.filter
    return " ".join(rspamd_conf.render(plan, plan.spec.filter).split())


def container(name: str, changes: dict[str, Json] | None = None) -> Object:
    (pods,) = (each for each in children.children(planned(changes)) if each["kind"] == "StatefulSet")
    spec = section(pods, "spec", "template", "spec")
    found = [*entries(spec, "initContainers"), *entries(spec, "containers")]
    return next({**each} for each in found if text(each, "name") == name)


def test_no_pod_is_a_neighbour_and_nobody_is_signed_for() -> None:
    """The defaults of rspamd trust private networks, and sign what claims to be from here. A list would be added to
    the default."""
    assert 'local_addrs = "127.0.0.0/8, ::1";' in rendered()
    assert "dkim_signing { sign_local = false; sign_inbound = false; sign_authenticated = false; }" in rendered()


def test_it_listens_on_its_socket_alone_and_tells_no_service_of_a_message() -> None:
    written = rendered()
    for worker in ("normal", "controller", "fuzzy"):
        assert f'worker "{worker}" {{ enabled = false; }}' in written
    assert "fuzzy_check { enabled = false; }" in written
    assert "history_redis { enabled = false; }" in rendered(**GREYLIST)


def test_what_postfix_accepts_it_reads() -> None:
    assert f"max_message = {(50 << 20) + (1 << 20)};" in rendered()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "actions { reject = 15; add_header = 6; greylist = null; }"),
        ({"junkScore": 4, "rejectScore": 9}, "actions { reject = 9; add_header = 4; greylist = null; }"),
        (GREYLIST, 'redis { servers = "redis.post.svc:6379"; }'),
        (GREYLIST, "actions { reject = 15; add_header = 6; greylist = 4; }"),
        ({}, "greylist { enabled = false; }"),
        ({}, 'dmarc { actions = {"quarantine": "add_header", "reject": "reject"}; }'),
        ({"dmarc": "Score"}, "dmarc { actions = {}; }"),
        ({}, '"action": "soft reject", "expression": "DMARC_DNSFAIL"'),
        ({"onDnsFailure": "Accept"}, "force_actions { rules = {}; }"),
    ],
)
def test_each_field_says_what_it_promises(fields: dict[str, Json], words: str) -> None:
    assert words in rendered(**fields)


@pytest.mark.parametrize(("on_failure", "action"), [("TryLater", "tempfail"), ("Accept", "accept")])
def test_postfix_asks_the_filter_last_and_about_what_comes_over_smtp(on_failure: str, action: str) -> None:
    """What it signs is what leaves."""
    written = main_cf.render(planned({**OWN, "spec.filter": {"onFailure": on_failure}}))
    own = "{ inet:archive.post.svc:8891, connect_timeout=5s, command_timeout=8s, content_timeout=30s, "
    ours = f"{{ {SOCKET}, connect_timeout=5s, command_timeout=8s, content_timeout=30s, default_action={action} }}"
    assert f"smtpd_milters = {own}default_action=tempfail }}, {ours}\n" in written
    assert f"non_smtpd_milters = {own}default_action=tempfail }}\n" in written


@pytest.mark.parametrize(("changes", "option"), [({}, ""), (OWN, "$dovecot_milters")])
def test_mail_of_a_script_was_filtered_as_it_came_in(changes: dict[str, Json], option: str) -> None:
    """Redirected, it comes from an address that its sender's domain does not know."""
    plan = planned(changes)
    service = master_cf.render(plan).partition("syslog_name=postfix/dovecot\n")[2]
    assert f"  -o smtpd_milters={option}\n" in service
    assert ("dovecot_milters = " in main_cf.render(plan)) == bool(option)


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_spam_is_filed_before_the_users_own_scripts(version: str) -> None:
    written = dovecot_conf.render(planned({"spec.dovecot.version": version}))
    assert "/etc/dovecot/junk.sieve" in written
    assert "~/.dovecot.sieve" in written


@pytest.mark.parametrize(("mailboxes", "name"), [([{"name": "Spam", "specialUse": "Junk"}], "Spam"), ([], "Junk")])
def test_spam_goes_to_the_mailbox_for_it(mailboxes: Json, name: str) -> None:
    script = junk_sieve.render(planned({"spec.dovecot.mailboxes": mailboxes}).spec)
    assert f'fileinto :create "{name}";' in script


def test_the_filter_has_no_rights_and_postfix_starts_after_it() -> None:
    found = container("filter")
    assert found["restartPolicy"] == "Always"
    assert found["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
    }
    assert "startupProbe" in found


def test_the_kubelet_restarts_a_filter_that_does_not_answer_and_no_busy_one() -> None:
    """The startup probe bears a slow start; large messages take 15 s in which nobody is answered."""
    found = section(container("filter"), "livenessProbe")
    (seconds,) = map(int, re.findall("timeout = ([0-9]+),", str(section(found, "exec")["command"])))
    assert seconds < number(found, "timeoutSeconds") <= number(found, "periodSeconds")
    assert (number(found, "failureThreshold") - 1) * number(found, "periodSeconds") >= 120


def test_postfix_and_the_probe_see_the_socket_and_cannot_replace_it() -> None:
    for name in ("postfix", "probe"):
        mount: Json = {"name": "filter", "mountPath": "/run/mailstack/filter", "readOnly": True}
        assert mount in entries(container(name), "volumeMounts")


def test_a_changed_score_replaces_no_pod() -> None:
    """The filter reloads its files."""
    one, other = (container("filter", {"spec.filter": {"junkScore": score}}) for score in (5, 7))
    assert one == other
    assert "kill -HUP" in str(one["command"])
