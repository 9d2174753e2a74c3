"""The command lines on which the operator and the programs in the pods agree."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack_probe import configuration, contract
from mailstack_probe.arguments import Arguments
from mailstack_probe.contract import (
    CertificatesOptions,
    Copy,
    CredentialsOptions,
    InetAddress,
    ProbeOptions,
    ProbeSettings,
    RehearsalOptions,
    UnixAddress,
)

PROGRAMS = (ProbeOptions, CertificatesOptions, CredentialsOptions, RehearsalOptions)

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
plain = st.text(st.characters(exclude_characters="\0/=", exclude_categories=["Cs"]), min_size=1)
numbers = st.integers(0, 2**32)
hosts = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-:", min_size=1)

st.register_type_strategy(str, text)
st.register_type_strategy(int, numbers)
st.register_type_strategy(UnixAddress, st.builds(UnixAddress, text.map("/{}".format)))
st.register_type_strategy(InetAddress, st.builds(InetAddress, hosts, numbers))
st.register_type_strategy(Copy, st.builds(Copy, plain, plain))

keys = st.builds("{}/{}".format, plain, plain)
codes = st.sampled_from(contract.EXPECTED)
some = st.lists(text, min_size=1).map(tuple)
asked = st.one_of(
    st.builds(ProbeOptions, domain=some, stack=keys, smtp=numbers, verification=numbers, expect=codes),
    st.builds(ProbeOptions, domain=some, stack=keys),
    st.builds(CertificatesOptions, pair=..., ca=...),
    st.builds(CredentialsOptions, connect=..., ca=...),
    st.builds(RehearsalOptions, expect=codes, unknown=some, verification=numbers.filter(bool), imap=..., log=...),
    st.builds(RehearsalOptions, imap=..., imaps=..., sieve=..., submission=..., submissions=...),
)


@given(asked)
def test_what_is_written_is_what_is_read(options: Arguments) -> None:
    assert type(options).parse(options.to_arguments()) == options


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_shows_every_option(program: type[Arguments], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.parse(["--help"])
    shown = capsys.readouterr().out
    for name in program.__annotations__:
        assert f"--{name.replace('_', '-')}" in shown


@pytest.mark.parametrize(
    ("program", "arguments", "message"),
    [
        (ProbeOptions, ["--stack=post/mail", "--port=9100", "--domain=example.org"], "--lmtp"),
        (ProbeOptions, ["--lmtp=unix:/lmtp", "--stack=post/mail", "--port=9100"], "--domain"),
        (ProbeOptions, ["--stack=mail"], "'mail' is not of the form NAMESPACE/NAME"),
        (ProbeOptions, ["--lmtp=unix:lmtp"], "'unix:lmtp' is neither unix:/PATH nor inet:HOST:PORT"),
        (CertificatesOptions, ["--pair=/run/secret"], "'/run/secret' is not of the form SOURCE=TARGET"),
        (RehearsalOptions, ["--unknown=nobody@example.org"], "--unknown needs --verification and --expect"),
        (RehearsalOptions, ["--expect=251"], "invalid choice: 251"),
        (RehearsalOptions, ["--ima=143"], "unrecognized arguments: --ima=143"),
    ],
)
def test_what_is_wrong_is_named(
    program: type[Arguments], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.parse(arguments)
    assert message in capsys.readouterr().err


def test_postfix_is_asked_only_with_the_expected_reply(capsys: pytest.CaptureFixture[str]) -> None:
    whole = ["--lmtp=unix:/lmtp", "--stack=post/mail", "--port=9100", "--domain=example.org", "--verification=10025"]
    with pytest.raises(SystemExit):
        ProbeOptions.parse(whole)
    assert "--verification needs --expect" in capsys.readouterr().err


def test_the_settings_of_the_probe_are_an_option_a_line(tmp_path: Path) -> None:
    settings = ProbeSettings(domain=("example.org", "example.net"), expect=550, message_size=1, smtp_connections=2)
    (tmp_path / "probe").write_text("".join(f"{option}\n" for option in settings.to_arguments()))
    found = ProbeOptions.parse(["--lmtp=unix:/lmtp", "--stack=post/mail", "--port=9100", f"@{tmp_path}/probe"])
    assert configuration.settings_of(found) == settings
