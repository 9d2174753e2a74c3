"""What dovecot.conf makes of Dovecot, in both versions' settings."""

import pytest

from mailstack_operator.kube.objects import Json
from mailstack_operator.stack import topology
from mailstack_operator.stack.dovecot import dovecot_conf
from mailstack_operator.stack.topology import Sources
from tests.stacks import stack

BOTH = pytest.mark.parametrize("version", ["2.3", "2.4"])

NO_SOURCES = Sources()
INET: dict[str, Json] = {"spec.delivery.listener": {"type": "Inet"}}
INET_TLS: dict[str, Json] = {
    "spec.delivery.listener": {"type": "Inet", "inet": {"tls": {"secretName": "lmtp-certificate"}}}
}
TLS: dict[str, Json] = {"spec.tls": {"secretName": "certificate"}}
SUBMISSION: dict[str, Json] = {**TLS, "spec.submission": {}}
QUOTA: dict[str, Json] = {"spec.plugins.quota": {"size": "2Gi"}}
SIEVE: dict[str, Json] = {"spec.plugins.sieve": {}}
ROOTLESS: dict[str, Json] = {"spec.dovecot.rootless": {"runAsUser": 400}}


def conf(version: str, *changes: dict[str, Json], sources: Sources = NO_SOURCES) -> list[str]:
    """The settings, each with the blocks that it stands in: `service lmtp/unix_listener ../mode = 0600`."""
    wanted: dict[str, Json] = {"spec.dovecot.version": version}
    for change in changes:
        wanted |= change
    path: list[str] = []
    settings: list[str] = []
    for line in map(str.strip, dovecot_conf.render(topology.decide(stack(wanted), sources)).splitlines()):
        if line.endswith("{"):
            path.append(line.removesuffix(" {"))
            settings.append("/".join(path))
        elif line == "}":
            path.pop()
        else:
            settings.append("/".join([*path, line]))
    return settings


def about(settings: list[str], word: str) -> list[str]:
    return [setting for setting in settings if word in setting]


@BOTH
def test_lmtp_listens_at_a_socket_of_postfix_alone(version: str) -> None:
    socket = "service lmtp/unix_listener /var/spool/postfix/private/dovecot-lmtp"
    assert about(conf(version), socket) == [
        socket,
        f"{socket}/user = postfix",
        f"{socket}/group = postfix",
        f"{socket}/mode = 0600",
    ]


@BOTH
def test_lmtp_listens_at_the_port(version: str) -> None:
    settings = conf(version, INET)
    assert "service lmtp/inet_listener lmtp/port = 24" in settings
    assert not about(settings, "unix_listener")


@BOTH
def test_without_a_certificate_there_is_no_tls_and_people_can_log_in(version: str) -> None:
    settings = conf(version)
    cleartext = {"2.3": "disable_plaintext_auth = no", "2.4": "auth_allow_cleartext = yes"}
    assert about(settings, "ssl") == ["ssl = no"]
    assert cleartext[version] in settings


@BOTH
def test_with_a_certificate_nobody_logs_in_without_tls(version: str) -> None:
    settings = conf(version, TLS)
    files = {
        "2.3": ["ssl_cert = </run/mailstack/tls/tls.pem", "ssl_key = </run/mailstack/tls/tls.pem"],
        "2.4": [
            "ssl_server_cert_file = /run/mailstack/tls/tls.pem",
            "ssl_server_key_file = /run/mailstack/tls/tls.pem",
        ],
    }
    assert about(settings, "ssl") == ["ssl = required", "ssl_min_protocol = TLSv1.2", *files[version]]
    assert not about(settings, "cleartext") + about(settings, "plaintext")


@BOTH
def test_lmtp_has_a_certificate_of_its_own(version: str) -> None:
    lmtp = about(conf(version, TLS, INET_TLS), "protocol lmtp/ssl")
    assert lmtp[0] == "protocol lmtp/ssl = yes"
    assert [setting.endswith("/run/mailstack/tls/lmtp.pem") for setting in lmtp[1:]] == [True, True]


@BOTH
def test_a_certificate_for_lmtp_alone_is_not_shown_to_people(version: str) -> None:
    """Dovecot warns of, and then ignores, `ssl = yes` of one protocol under `ssl = no`."""
    settings = conf(version, INET_TLS, SIEVE)
    assert "ssl = yes" in settings
    assert {"protocol imap/ssl = no", "protocol sieve/ssl = no"} <= set(settings)
    assert "service imap-login/inet_listener imaps/port = 0" in settings


@BOTH
def test_postfix_asks_for_passwords_only_when_people_send(version: str) -> None:
    assert not about(conf(version, TLS), "listener auth")
    assert "service auth/unix_listener /var/spool/postfix/private/auth" in conf(version, SUBMISSION)
    assert "service auth/inet_listener auth/port = 12345" in conf(version, SUBMISSION, INET)


@pytest.mark.parametrize(
    ("version", "size", "override"),
    [
        ("2.3", "plugin/quota_rule = *:storage=2G", "plugin/quota = count:User quota"),
        ("2.4", "quota_storage_size = 2G", 'quota "User quota"'),
    ],
)
def test_the_size_stands_where_the_users_file_may_override_it(version: str, size: str, override: str) -> None:
    settings = conf(version, QUOTA)
    assert {size, override} <= set(settings)
    assert not about(settings, f"{override}/")


@pytest.mark.parametrize(("size", "dovecots"), [("512Ki", "512K"), ("10Mi", "10M"), ("2Gi", "2G"), ("1Ti", "1T")])
def test_sizes_are_binary_on_both_sides(size: str, dovecots: str) -> None:
    assert f"quota_storage_size = {dovecots}" in conf("2.4", {"spec.plugins.quota": {"size": size}})


@BOTH
def test_a_quota_has_no_grace_and_is_seen_over_imap(version: str) -> None:
    settings = conf(version, QUOTA)
    assert about(settings, "_grace")[0].endswith("_grace = 0")
    assert about(settings, "imap_quota")


@BOTH
@pytest.mark.parametrize("rejects", [True, False])
def test_a_full_mailbox_is_told_at_rcpt_or_at_data(version: str, rejects: bool) -> None:
    settings = conf(version, {"spec.plugins.quota": {"size": "1Gi", "rejectAtRecipient": rejects}})
    assert ("protocol lmtp/lmtp_rcpt_check_quota = yes" in settings) is rejects
    assert bool(about(settings, "quota-status")) is rejects


@BOTH
def test_the_quota_status_never_judges_who_exists(version: str) -> None:
    assert about(conf(version, QUOTA), "quota_status_nouser")[0].endswith("quota_status_nouser = DUNNO")


@BOTH
def test_a_user_uploads_scripts_that_lmtp_runs(version: str) -> None:
    settings = conf(version, SIEVE)
    assert "protocols = imap lmtp sieve" in settings
    assert [setting for setting in about(settings, "protocol lmtp/mail_plugins") if "sieve" in setting]
    assert about(settings, "~/.dovecot.sieve")


@BOTH
def test_what_a_script_sends_goes_to_postfix(version: str) -> None:
    assert "protocol lmtp/submission_host = 127.0.0.1:10026" in conf(version, SIEVE)
    assert "protocol lmtp/submission_host = mail-outgoing.post.svc:10026" in conf(version, SIEVE, INET)


@BOTH
def test_global_scripts_are_compiled_beside_their_read_only_mount(version: str) -> None:
    settings = conf(version, SIEVE, sources=Sources(sieve_before="keep;"))
    assert about(settings, "/etc/dovecot/before.sieve")
    assert about(settings, "/var/lib/dovecot/sieve")
    assert not about(settings, "after.sieve")


def test_rootless_dovecot_has_one_user_no_chroot_and_high_ports() -> None:
    settings = conf("2.4", ROOTLESS, SUBMISSION, SIEVE)
    assert {"mail_uid = 400", "mail_gid = 400", "first_valid_uid = 400"} <= set(settings)
    assert about(settings, "= vmail") == [
        "default_internal_user = vmail",
        "default_internal_group = vmail",
        "default_login_user = vmail",
    ]
    chroots = ["anvil", "stats", "imap-login", "managesieve-login"]
    assert about(settings, "chroot") == [f"service {service}/chroot =" for service in chroots]
    assert {port.split(" = ")[1] for port in about(settings, "/port")} == {"10143", "10993", "4190"}
    assert not about(settings, "= postfix")


def test_postfix_may_deliver_to_one_user_as_often_as_it_does() -> None:
    """Dovecot 2.4 would defer the eleventh delivery at once; 2.3 has no limit."""
    assert "lmtp_user_concurrency_limit = unlimited" in conf("2.4")
    assert not about(conf("2.3"), "concurrency")


@BOTH
def test_the_specs_own_settings_come_last_in_a_file_of_their_own(version: str) -> None:
    assert conf(version, {"spec.dovecot.extraConfig": "verbose_proctitle = yes\n"})[-1] == (
        "!include /etc/dovecot/extra.conf"
    )
    assert about(conf(version), "!include") == ["!include_try /run/dovecot/kernel.conf"]


@BOTH
def test_dovecot_listens_over_both_protocols_unless_the_kernel_lacks_one(version: str) -> None:
    """start.sh writes the file, which therefore comes after what it replaces."""
    lines = conf(version)
    assert lines[lines.index("listen = *, ::") + 1] == "!include_try /run/dovecot/kernel.conf"


FOREVER = {"2.3": "service_count = 0", "2.4": "restart_request_count = unlimited"}


@BOTH
@pytest.mark.parametrize(
    ("wanted", "processes", "each", "of_a_user", "lmtp", "helper"),
    [
        (10, 1, 10, 10, 100, 1020),
        (250, 1, 250, 50, 250, 1500),
        (1000, 4, 250, 50, 1000, 3000),
        (1001, 5, 201, 50, 1001, 3002),
        (20000, 80, 250, 50, 20000, 41000),
    ],
)
def test_there_are_as_many_sessions_as_the_spec_says(
    version: str, wanted: int, processes: int, each: int, of_a_user: int, lmtp: int, helper: int
) -> None:
    """With TLS, a login process stays for as long as the session lasts."""
    settings = conf(version, SIEVE, {"spec.dovecot.connections": wanted})
    for protocol in ("imap", "managesieve"):
        login = f"service {protocol}-login"
        assert {
            f"{login}/{FOREVER[version]}",
            f"{login}/process_limit = {processes}",
            f"{login}/client_limit = {each}",
            f"service {protocol}/process_limit = {wanted}",
        } <= set(settings)
    assert {
        f"service lmtp/process_limit = {lmtp}",
        f"mail_max_userip_connections = {of_a_user}",
        f"default_client_limit = {helper}",
    } <= set(settings)


@BOTH
def test_a_thousand_sessions_are_the_default(version: str) -> None:
    assert "service imap/process_limit = 1000" in conf(version)
    assert not about(conf(version), "managesieve")


@BOTH
def test_a_password_may_take_as_much_memory_as_it_needs(version: str) -> None:
    """ARGON2ID takes up to 1 GiB; Dovecot's own limit is 256 MiB."""
    assert about(conf(version), "vsz_limit") == [
        {"2.3": "service auth/vsz_limit = 0", "2.4": "service auth/vsz_limit = unlimited"}[version]
    ]


@BOTH
def test_a_user_has_the_mailboxes_that_mail_programs_look_for(version: str) -> None:
    expected = [
        line
        for name in ("Drafts", "Sent", "Trash", "Junk", "Archive")
        for line in (
            f'namespace inbox/mailbox "{name}"',
            f'namespace inbox/mailbox "{name}"/auto = subscribe',
            f'namespace inbox/mailbox "{name}"/special_use = \\{name}',
        )
    ]
    assert sorted(about(conf(version), "namespace inbox/mailbox")) == sorted(expected)


@BOTH
def test_the_spec_says_which_mailboxes(version: str) -> None:
    mailboxes: list[Json] = [
        {"name": "Sent Items", "specialUse": "Sent"},
        {"name": "Entw\u00fcrfe", "auto": "Create"},
        {"name": "Later", "auto": "Never"},
    ]
    assert about(conf(version, {"spec.dovecot.mailboxes": mailboxes}), "/mailbox ") == [
        'namespace inbox/mailbox "Sent Items"',
        'namespace inbox/mailbox "Sent Items"/auto = subscribe',
        'namespace inbox/mailbox "Sent Items"/special_use = \\Sent',
        'namespace inbox/mailbox "Entw\u00fcrfe"',
        'namespace inbox/mailbox "Entw\u00fcrfe"/auto = create',
        'namespace inbox/mailbox "Later"',
        'namespace inbox/mailbox "Later"/auto = no',
    ]
    assert not about(conf(version, {"spec.dovecot.mailboxes": []}), "/mailbox ")
