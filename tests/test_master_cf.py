"""Postfix's services: who may connect where, and what a service demands."""

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import topology
from mailstack_operator.stack.link import taken_sockets
from mailstack_operator.stack.postfix import master_cf
from tests.stacks import stack

SERVICE_FIELDS = 8
PROBE = "127.0.0.1:10025"


def services(submission: bool) -> dict[tuple[str, str], list[str]]:
    """By name and type: the service's fields, then its options."""
    access: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}, "spec.submission": {}} if submission else {}
    found: dict[tuple[str, str], list[str]] = {}
    last: list[str] = []
    for line in master_cf.render(topology.decide(stack(access))).splitlines():
        if line.startswith(" "):
            last.append(line.strip().removeprefix("-o "))
        elif not line.startswith("#"):
            last = line.split()
            found[last[0], last[1]] = last
    return found


def options(name: str) -> list[str]:
    return services(submission=True)[name, "inet"][SERVICE_FIELDS:]


def test_every_socket_of_postfix_is_a_name_that_dovecot_may_not_take() -> None:
    private = {name for (name, kind), fields in services(True).items() if kind.startswith("unix") and fields[2] == "-"}
    assert private <= set(taken_sockets())


def test_nothing_runs_in_a_chroot() -> None:
    assert {fields[4] for fields in services(True).values()} == {"n"}


def test_there_is_no_pipe_and_so_no_lda() -> None:
    assert "pipe" not in {fields[7] for fields in services(True).values()}


def test_without_submission_postfix_listens_on_port_25_and_for_the_probe_alone() -> None:
    assert [name for name, kind in services(False) if kind == "inet"] == ["smtp", PROBE]


def test_the_listener_for_the_probe_is_no_way_in() -> None:
    """Only its own pod reaches it, and it accepts no message; who may relay is what main.cf says."""
    assert PROBE.startswith("127.0.0.1:")
    assert "smtpd_data_restrictions=reject" in options(PROBE)
    assert not [option for option in options(PROBE) if "relay" in option or "mynetworks" in option]


def test_the_listener_for_the_probe_keeps_the_restrictions_of_port_25_and_no_filter() -> None:
    """A faulty restriction is found by the rehearsal; a filter that is away is none of Dovecot's business."""
    assert {"smtpd_milters=", "smtpd_milter_maps="} <= set(options(PROBE))
    assert [option for option in options(PROBE) if "restrictions" in option] == ["smtpd_data_restrictions=reject"]


def test_port_25_has_no_options_of_its_own() -> None:
    assert options("smtp") == []


def test_nobody_sends_through_submission_without_a_login() -> None:
    for name in ("submission", "submissions"):
        assert "smtpd_sasl_auth_enable=yes" in options(name)
        assert "smtpd_relay_restrictions=permit_sasl_authenticated,reject" in options(name)


def test_a_login_sends_as_itself() -> None:
    for name in ("submission", "submissions"):
        assert "smtpd_sender_restrictions=reject_sender_login_mismatch" in options(name)


def test_submission_demands_tls_before_anything_else() -> None:
    assert "smtpd_tls_security_level=encrypt" in options("submission")
    assert "smtpd_tls_wrappermode=yes" in options("submissions")


def test_a_domain_in_a_table_means_no_domain_below_it() -> None:
    """A remote address at sub.example.org is not asked for at Dovecot."""
    assert "parent_domain_matches_subdomains=" in options("submission")
