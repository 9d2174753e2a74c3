"""What main.cf makes of Postfix: the how-to's Postfix, and nothing that goes round it."""

import re
from contextlib import nullcontext
from itertools import product

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import paths, topology, warnings
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.parser import InvalidMailStack
from mailstack_operator.stack.postfix import aliases, main_cf
from mailstack_operator.stack.postfix.parameters import MANAGED
from tests.stacks import stack

LOCAL: dict[str, Json] = {"spec.delivery.recipients": "Local"}
INET: dict[str, Json] = {"spec.delivery.listener": {"type": "Inet"}}
INET_TLS: dict[str, Json] = {"spec.delivery.listener": {"type": "Inet", "inet": {"tls": {"secretName": "lmtp"}}}}
TLS: dict[str, Json] = {"spec.tls": {"secretName": "mail-tls"}}
SUBMISSION: dict[str, Json] = {**TLS, "spec.submission": {}}
RELAY: dict[str, Json] = {
    **TLS,
    "spec.submission": {"relayHost": "[relay.example.net]:587", "relayCredentials": {"secretName": "relay"}},
}


DEFAULTS = tuple(main_cf.defaults(topology.decide(stack(INET_TLS))))


def parameters(changes: dict[str, Json] | None = None) -> dict[str, str]:
    text = main_cf.render(topology.decide(stack(changes)))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name.strip(): value.strip() for name, value in (line.split("=", 1) for line in lines)}


def test_the_managed_names_are_just_those_that_some_stack_writes() -> None:
    written: set[str] = set()
    for recipients, listener, access in product(({}, LOCAL), ({}, INET_TLS), ({}, RELAY)):
        written |= set(parameters({**recipients, **listener, **access}))
    assert sorted(written - set(DEFAULTS)) == sorted(MANAGED)


def test_postfix_has_both_protocols_and_sends_over_ipv4_first() -> None:
    found = parameters()
    assert (found["inet_protocols"], found["smtp_address_preference"]) == ("all", "ipv4")
    # No neighbours: only this pod.
    assert found["mynetworks"] == "127.0.0.0/8 [::1]/128"


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_of_the_operators_is_replaced_by_the_specs_own_parameter(name: str) -> None:
    """An object that sets it stays valid, and its value counts."""
    assert parameters({**INET_TLS, "spec.postfix.parameters": {name: "12345"}})[name] == "12345"


@pytest.mark.parametrize(
    ("postfix", "limit"),
    [
        ({}, 50 << 20),
        ({"messageSizeLimit": "20Mi"}, 20 << 20),
        ({"messageSizeLimit": "512Ki"}, 512 << 10),
        ({"storage": {"queueSize": "100Mi"}}, 25 << 20),
        # Less than this was never accepted on a small volume.
        ({"storage": {"queueSize": "20Mi"}}, 10_240_000),
        ({"storage": {"queueSize": "100Mi"}, "messageSizeLimit": "50Mi"}, 50 << 20),
    ],
)
def test_a_message_may_have_50_mib_or_what_the_queues_volume_leaves(postfix: Json, limit: int) -> None:
    assert parameters({"spec.postfix": postfix})["message_size_limit"] == str(limit)


def test_lines_of_any_length_reach_dovecot_as_they_are() -> None:
    assert parameters()["lmtp_line_length_limit"] == "0"


def test_mail_to_the_own_domains_alone_is_retried_on_request_and_other_mail_as_postfix_is_used_to() -> None:
    written = parameters({"spec.domains": ["example.org", "example.com"]})
    assert written["fast_flush_domains"] == "example.org example.com"
    assert not {"minimal_backoff_time", "maximal_backoff_time", "queue_run_delay"} & set(written)


def test_dovecot_is_asked_again_right_after_a_failed_connection() -> None:
    assert parameters()["lmtp_destination_concurrency_failed_cohort_limit"] == "0"


@pytest.mark.parametrize("host", ["filter.post.svc", "rspamd.post.svc.cluster.local", "local", "virtual"])
def test_a_service_may_have_any_name(host: str) -> None:
    """`FILTER` and `local:` name other delivery methods, and are parts of the names of hosts."""
    milter = f"inet:{host}:11332"
    assert parameters({"spec.postfix.parameters": {"smtpd_milters": milter}})["smtpd_milters"] == milter


@pytest.mark.parametrize(
    "value",
    [
        "inline:{{subject = FILTER smtp:other}}",
        "regexp:{{/^x/ filter  [192.0.2.1]:25}}",
        "static:discard:",
        "static:{local:x}",
        "virtual:",
    ],
)
def test_no_value_names_another_delivery_method(value: str) -> None:
    with pytest.raises(InvalidMailStack, match="another delivery method"):
        parameters({"spec.postfix.parameters": {"header_checks": value}})


def test_a_connection_to_a_pod_that_is_gone_is_given_up_soon() -> None:
    assert parameters(INET)["lmtp_connect_timeout"] == "5s"


def test_a_busy_unix_socket_is_waited_for() -> None:
    """With a time-out Postfix would not wait for room in the backlog."""
    assert "lmtp_connect_timeout" not in parameters()


def test_a_dovecot_that_does_not_answer_holds_a_delivery_for_a_minute_at_most() -> None:
    written = {name: value for name, value in parameters().items() if re.fullmatch("lmtp_.*_timeout", name)}
    assert set(written.values()) == {"15s", "60s"}


def test_a_message_that_dovecot_may_have_stored_is_not_given_up_early() -> None:
    """A second delivery would be a duplicate."""
    assert "lmtp_data_done_timeout" not in parameters(INET)


def test_mail_is_received_without_the_dns() -> None:
    """Postfix would ask it for the client's name before it greets."""
    assert parameters()["smtpd_peername_lookup"] == "no"
    assert parameters({"spec.postfix.parameters": {"smtpd_banner": "$myhostname"}})["smtpd_peername_lookup"] == "no"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtpd_client_restrictions", "reject_unknown_client_hostname"),
        ("smtpd_client_restrictions", "reject_unknown_reverse_client_hostname"),
        ("smtpd_client_restrictions", "reject_rhsbl_client dbl.example.net"),
        ("smtpd_helo_restrictions", "check_client_access inline:{example.net=reject}"),
        ("smtpd_sender_restrictions", "check_reverse_client_hostname_access inline:{example.net=reject}"),
        ("strict_clients", "check_policy_service inet:127.0.0.1:10040"),
        ("smtpd_milters", "inet:rspamd.post.svc:11332"),
        ("smtpd_client_event_limit_exceptions", ".example.net"),
    ],
)
def test_the_name_of_a_client_is_looked_up_where_the_spec_needs_it(name: str, value: str) -> None:
    """An object that has such a parameter keeps its meaning."""
    assert "smtpd_peername_lookup" not in parameters({"spec.postfix.parameters": {name: value}})


MILTERS: dict[str, Json] = {
    "spec.milters": [
        {"host": "filter.post.svc", "port": 11332},
        {"socket": "/run/filter/milter.sock", "onFailure": "Accept", "timeout": "3s"},
        {"host": "192.0.2.1", "port": 8891, "timeout": "2m"},
    ]
}


def test_each_filter_has_its_own_failure_and_its_own_patience() -> None:
    """The probe waits for a greeting for 10 s, and a frozen filter delays it."""
    filters = (
        "{ inet:filter.post.svc:11332, "
        "connect_timeout=5s, command_timeout=8s, content_timeout=30s, default_action=tempfail }, "
        "{ unix:/run/filter/milter.sock, "
        "connect_timeout=3s, command_timeout=3s, content_timeout=3s, default_action=accept }, "
        "{ inet:192.0.2.1:8891, connect_timeout=5s, command_timeout=8s, content_timeout=120s, default_action=tempfail }"
    )
    written = parameters(MILTERS)
    assert [written["smtpd_milters"], written["non_smtpd_milters"]] == [filters, filters]


def test_filters_learn_the_name_of_a_client() -> None:
    assert "smtpd_peername_lookup" not in parameters(MILTERS)


@pytest.mark.parametrize("name", ["smtpd_milters", "non_smtpd_milters"])
def test_a_filter_among_the_parameters_works_and_is_warned_of(name: str) -> None:
    given: dict[str, Json] = {"spec.postfix.parameters": {name: "inet:filter.post.svc:11332"}}
    assert parameters(given)[name] == "inet:filter.post.svc:11332"
    (warning,) = warnings.of_spec(topology.decide(stack(given)))
    assert warning.reason == "Deprecated"
    assert f"postfix.parameters.{name} works" in warning.message


@pytest.mark.parametrize("changes", [{}, MILTERS, {"spec.postfix.parameters": {"smtpd_milters": ""}}])
def test_nothing_else_is_warned_of(changes: dict[str, Json]) -> None:
    assert not list(warnings.of_spec(topology.decide(stack(changes))))


def test_strangers_can_neither_list_users_nor_flush_the_queue() -> None:
    assert parameters()["disable_vrfy_command"] == "yes"
    assert parameters()["smtpd_etrn_restrictions"] == "reject"


def test_a_server_says_its_name_and_names_a_hundred_recipients_at_once() -> None:
    assert parameters()["smtpd_helo_required"] == "yes"
    assert parameters()["smtpd_recipient_limit"] == "100"


@pytest.mark.parametrize("changes", [{}, LOCAL, TLS, SUBMISSION, INET])
def test_outgoing_mail_is_encrypted_where_the_other_server_can(changes: dict[str, Json]) -> None:
    found = parameters(changes)
    assert (found["smtp_tls_security_level"], found["smtp_tls_loglevel"]) == ("may", "1")


EXPOSED: dict[str, Json] = {"spec.expose": {"smtp": {}}}


def test_a_client_address_has_no_limits_unless_the_spec_says() -> None:
    assert not [name for name in parameters(EXPOSED) if name.endswith("_rate_limit")]
    found = parameters({**EXPOSED, "spec.postfix.rateLimits": {"messages": 100}})
    assert {name: value for name, value in found.items() if name.endswith("_rate_limit")} == {
        "smtpd_client_connection_rate_limit": "60",
        "smtpd_client_auth_rate_limit": "20",
        "smtpd_client_message_rate_limit": "100",
    }


@pytest.mark.parametrize(
    ("listener", "clients", "valid"),
    [
        ("Unix", None, True),
        ("Unix", {}, True),
        ("Unix", {"externalTrafficPolicy": "Cluster"}, False),
        ("Unix", {"type": "ClusterIP"}, False),
        # Two pods: Cluster is the default.
        ("Inet", {}, False),
        ("Inet", {"externalTrafficPolicy": "Local"}, True),
        ("Inet", {"proxyProtocol": {"trustedNetworks": ["192.0.2.0/24"]}}, True),
    ],
)
def test_rate_limits_need_the_addresses_of_those_who_send(listener: str, clients: Json, valid: bool) -> None:
    """Else one who is over the limit shuts all others out."""
    changes: dict[str, Json] = {
        **SUBMISSION,
        "spec.delivery": {"listener": {"type": listener}},
        "spec.expose": {"smtp": {}, **({} if clients is None else {"clients": clients})},
        "spec.postfix.rateLimits": {},
    }
    with nullcontext() if valid else pytest.raises(InvalidMailStack, match=r"expose\.clients"):
        parameters(changes)


def test_an_older_parameter_that_requires_tls_keeps_its_meaning() -> None:
    """postconf(5): smtp_tls_security_level, if not empty, outdoes it."""
    found = parameters({"spec.postfix.parameters": {"smtp_enforce_tls": "yes"}})
    assert "smtp_tls_security_level" not in found


def test_received_headers_say_how_mail_was_encrypted() -> None:
    assert parameters(TLS)["smtpd_tls_received_header"] == "yes"


def test_where_people_log_in_tls_is_1_2_with_a_certificate_and_port_25_is_opportunistic() -> None:
    secured = parameters(SUBMISSION)
    assert secured["smtpd_tls_mandatory_protocols"] == ">=TLSv1.2"
    assert secured["smtpd_tls_mandatory_exclude_ciphers"] == "aNULL"
    assert not {"smtpd_tls_protocols", "smtpd_tls_exclude_ciphers"} & set(secured)


ELSEWHERE: dict[str, Json] = {"spec.postmasterAddress": "ops@example.net"}


def test_the_mail_of_role_addresses_leaves_if_the_postmasters_does() -> None:
    found = parameters({**ELSEWHERE, "spec.domains": ["example.org", "example.com"]})["virtual_alias_maps"]
    assert found == (
        "inline:{postmaster@example.org=ops@example.net, abuse@example.org=ops@example.net, "
        "postmaster@example.com=ops@example.net, abuse@example.com=ops@example.net}"
    )
    assert "virtual_alias_maps" not in parameters()


def test_the_specs_own_aliases_come_before_those_of_role_addresses() -> None:
    own = "inline:{postmaster@example.org=alice@example.org}"
    found = parameters({**ELSEWHERE, "spec.postfix.parameters": {"virtual_alias_maps": own}})["virtual_alias_maps"]
    assert found.startswith(f"{own} inline:{{postmaster@example.org=ops@example.net, ")


def test_local_aliases_have_the_role_addresses_whose_mail_leaves() -> None:
    plan = topology.decide(stack({**LOCAL, **ELSEWHERE}))
    assert "abuse: ops@example.net\n" in aliases.render(plan)
    assert "virtual_alias_maps" not in parameters({**LOCAL, **ELSEWHERE})


def test_mail_goes_to_dovecot_over_the_socket_in_private() -> None:
    assert parameters()["virtual_transport"] == "lmtp:unix:private/dovecot-lmtp"


def test_both_servers_mean_the_same_socket() -> None:
    plan = topology.decide(stack({"spec.delivery.listener.unix.name": "lmtp-in"}))
    assert "virtual_transport = lmtp:unix:private/lmtp-in\n" in main_cf.render(plan)
    assert "unix_listener /var/spool/postfix/private/lmtp-in {" in dovecot_conf.render(plan)


def test_recipients_are_verified_after_foreign_domains_are_refused() -> None:
    assert parameters()["smtpd_recipient_restrictions"] == "reject_unauth_destination, reject_unverified_recipient"


def test_verification_can_be_switched_off() -> None:
    switched_off = parameters({"spec.verification": {"enabled": False}})
    assert switched_off["smtpd_recipient_restrictions"] == "reject_unauth_destination"


@pytest.mark.parametrize("name", ["mydestination", "local_recipient_maps", "virtual_mailbox_maps", "relay_domains"])
def test_postfix_has_no_user_source_of_its_own(name: str) -> None:
    assert parameters()[name] == ""


def test_every_domain_is_delivered_by_dovecot() -> None:
    domains = parameters({"spec.domains": ["example.org", "example.com"]})["virtual_mailbox_domains"]
    assert domains == "example.org example.com"


def test_the_specs_own_parameters_come_last() -> None:
    text = main_cf.render(topology.decide(stack({"spec.postfix.parameters": {"smtpd_banner": "$myhostname"}})))
    assert text.endswith("\nsmtpd_banner = $myhostname\n")


def test_over_tcp_mail_goes_to_the_service_by_the_pods_own_resolver() -> None:
    inet = parameters(INET)
    assert inet["virtual_transport"] == "lmtp:inet:mail-dovecot.post.svc:24"
    assert inet["lmtp_host_lookup"] == "native"


def test_a_name_that_cannot_be_looked_up_refuses_nobody_for_good() -> None:
    assert parameters(INET)["lmtp_delivery_status_filter"] == "regexp:{{/^5([.]4[.]4 .*)/ 4$$1}}"


def test_lmtp_over_tcp_is_in_plain_text_only_where_no_certificate_is_named() -> None:
    assert parameters(INET)["lmtp_tls_security_level"] == "none"
    assert parameters(INET_TLS)["lmtp_tls_security_level"] == "secure"


def test_a_connection_with_tls_serves_many_messages() -> None:
    assert parameters(INET_TLS)["lmtp_tls_connection_reuse"] == "yes"
    assert "lmtp_tls_connection_reuse" not in parameters(INET)


def test_dovecots_certificate_is_verified_against_the_ca_and_the_services_name() -> None:
    secured = parameters(INET_TLS)
    assert secured["lmtp_tls_CAfile"] == paths.LMTP_CA_FILE
    assert secured["lmtp_tls_secure_cert_match"] == "mail-dovecot.post.svc"


def test_local_recipients_go_to_dovecot_after_the_aliases() -> None:
    local = parameters({**LOCAL, "spec.domains": ["example.org", "example.com"]})
    assert local["mydestination"] == "example.org example.com"
    assert local["mailbox_transport"] == "lmtp:unix:private/dovecot-lmtp"
    assert local["alias_maps"] == "lmdb:$data_directory/aliases"


@pytest.mark.parametrize(
    "name", ["local_recipient_maps", "allow_mail_to_commands", "allow_mail_to_files", "forward_path"]
)
def test_local_delivery_knows_no_accounts_and_no_other_way(name: str) -> None:
    assert parameters(LOCAL)[name] == ""


def test_a_message_larger_than_a_mailbox_file_may_be_is_delivered() -> None:
    """local(8) does not start with a mailbox_size_limit below message_size_limit."""
    assert parameters(LOCAL)["mailbox_size_limit"] == "0"


def test_the_certificate_is_offered_on_port_25_and_demanded_of_nobody() -> None:
    assert parameters(TLS)["smtpd_tls_chain_files"] == paths.TLS_FILE
    assert parameters(TLS)["smtpd_tls_security_level"] == "may"


def test_users_log_in_at_dovecot_over_the_socket_or_the_service() -> None:
    assert parameters(SUBMISSION)["smtpd_sasl_path"] == "private/auth"
    assert parameters({**SUBMISSION, **INET})["smtpd_sasl_path"] == "inet:mail-dovecot.post.svc:12345"


def test_port_25_offers_no_login() -> None:
    assert "smtpd_sasl_auth_enable" not in parameters(SUBMISSION)


def test_a_login_owns_the_address_of_its_name() -> None:
    assert parameters(SUBMISSION)["smtpd_sender_login_maps"] == "regexp:/etc/postfix/sender_login.regexp"


def test_port_25_refuses_own_senders_before_it_asks_dovecot() -> None:
    check = "check_sender_access regexp:/etc/postfix/own_senders.regexp"
    restrictions = f"reject_unauth_destination, {check}, reject_unverified_recipient"
    assert parameters(SUBMISSION)["smtpd_recipient_restrictions"] == restrictions
    assert parameters({"spec.postfix.ownDomainSenders": "Reject"})["smtpd_recipient_restrictions"] == restrictions


def test_own_senders_are_accepted_where_users_send_through_another_server_or_the_spec_says_so() -> None:
    accepting: dict[str, Json] = {**SUBMISSION, "spec.postfix.ownDomainSenders": "Accept"}
    for changes in ({}, accepting):
        assert "check_sender_access" not in parameters(changes)["smtpd_recipient_restrictions"]


def test_of_what_users_send_only_the_own_domains_are_verified() -> None:
    own = parameters({**SUBMISSION, "spec.domains": ["example.org", "example.com"]})["mua_recipient_restrictions"]
    table = "inline:{example.org=reject_unverified_recipient, example.com=reject_unverified_recipient}"
    assert own == f"check_recipient_access {table}"


def test_users_mail_is_not_verified_if_verification_is_off() -> None:
    assert parameters({**SUBMISSION, "spec.verification": {"enabled": False}})["mua_recipient_restrictions"] == ""


def test_mail_for_other_domains_goes_by_mx_or_to_the_relay_host() -> None:
    assert parameters(SUBMISSION)["relayhost"] == ""
    assert parameters(RELAY)["relayhost"] == "[relay.example.net]:587"


def test_the_relays_password_is_sent_over_tls_only() -> None:
    relay = parameters(RELAY)
    assert relay["smtp_tls_security_level"] == "encrypt"
    assert relay["smtp_sasl_security_options"] == "noanonymous, noplaintext"
    assert relay["smtp_sasl_tls_security_options"] == "noanonymous"


def rendered_aliases(text: str) -> str:
    return aliases.render(topology.decide(stack(LOCAL), topology.Sources(aliases=text)))


def test_root_and_postmaster_reach_the_postmaster_address() -> None:
    assert rendered_aliases("").splitlines() == [
        "mailer-daemon: postmaster@example.org",
        "postmaster: postmaster@example.org",
        "root: postmaster@example.org",
    ]


@pytest.mark.parametrize(
    "line", ["root: alice", "Root : alice", '"root": alice', "# all\nroot:\n  alice", "root:alice"]
)
def test_an_alias_of_the_user_stands_alone(line: str) -> None:
    text = rendered_aliases(line)
    assert text.startswith(f"{line}\n")
    assert "root: postmaster@example.org" not in text
    assert text.count("postmaster: ") == 1


@pytest.mark.parametrize("line", ["# root: alice", "team: alice,\n  root: bob"])
def test_a_comment_and_a_continued_line_define_no_alias(line: str) -> None:
    assert rendered_aliases(line).endswith("\nroot: postmaster@example.org\n")
