"""A pod uses a configuration once Postfix and the probe do."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailstack_probe.board import Board
from mailstack_probe.checks.check import Topic
from mailstack_probe.configuration import Configuration
from mailstack_probe.contract import ProbeOptions, ProbeSettings
from mailstack_probe.loops import Loop
from mailstack_probe.probe import Probe
from mailstack_probe.reasons import Reason
from mailstack_probe.verdicts import Verdict

OWN = ProbeSettings(domain=("example.org",), expect=550)


class Pod:
    """The folders that the probe of a pod sees; a `write` is what the kubelet or Postfix's container did."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.postfix = folder / "settings", folder / "postfix"
        self.settings.mkdir()
        self.postfix.mkdir()
        self.write("old", OWN)
        self.use("old")

    def write(self, digest: str, settings: ProbeSettings) -> None:
        (self.settings / "digest").write_text(f"{digest}\n")
        (self.settings / "probe").write_text("".join(f"{option}\n" for option in settings.to_arguments()))

    def use(self, digest: str) -> None:
        (self.postfix / "digest").write_text(f"{digest}\n")

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.settings, self.postfix, OWN)


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_a_change_is_in_use_once_postfix_has_reloaded(pod: Pod) -> None:
    assert pod.configuration.in_use() == "old"
    pod.write("new", OWN)
    assert pod.configuration.in_use() == ""
    pod.use("new")
    assert pod.configuration.in_use() == "new"


def test_a_pod_without_postfix_has_what_the_kubelet_brought(pod: Pod) -> None:
    pod.write("new", OWN)
    assert Configuration(pod.settings, None, OWN).in_use() == "new"


def test_the_probe_begins_anew_only_for_settings_that_postfix_uses(pod: Pod) -> None:
    pod.write("new", replace(OWN, domain=("example.org", "example.net")))
    assert not pod.configuration.is_outdated()
    pod.use("new")
    assert pod.configuration.is_outdated()


def test_a_parameter_of_postfix_alone_does_not_restart_the_probe(pod: Pod) -> None:
    pod.write("new", OWN)
    pod.use("new")
    assert not pod.configuration.is_outdated()


def test_files_that_the_kubelet_is_replacing_change_nothing(pod: Pod) -> None:
    (pod.settings / "probe").unlink()
    (pod.settings / "digest").unlink()
    assert (pod.configuration.in_use(), pod.configuration.is_outdated()) == ("", False)


def test_what_postfix_refuses_is_told_in_its_words(pod: Pod) -> None:
    assert list(pod.configuration.warnings()) == []
    (pod.postfix / "refused").write_text('postconf: warning: truncated macro reference: "${oops"\n')
    (warning,) = pod.configuration.warnings()
    assert warning.reason == "ConfigNotUsed"
    assert 'truncated macro reference: "${oops"' in warning.message


def test_the_digest_is_part_of_an_entry_that_has_a_verdict() -> None:
    """An entry without verdicts would take those of the probe's last life away."""
    board = Board()
    board.use("new")
    assert board.parts() == {}
    board.put("lmtp", Verdict("True", Reason.REACHABLE, "it works"))
    assert board.parts()["configDigest"] == "new"


def probe_of(pod: Pod) -> tuple[Probe, Loop]:
    """The probe of the pod, and its loop that follows the configuration."""
    command = ["--lmtp=unix:/lmtp", "--stack=post/mail", "--port=9100", "--smtp=25", "--verification=10025"]
    command += [f"--settings={pod.settings}", f"--postfix={pod.postfix}", f"@{pod.settings}/probe"]
    probe = Probe(ProbeOptions.parse(command), Board())
    return probe, next(loop for loop in probe.others if loop.name == "configuration")


def test_a_change_has_everything_asked_anew_and_a_start_has_not(pod: Pod) -> None:
    """Fault: at each start every check was made twice, with a login and a session of each kind."""
    probe, following = probe_of(pod)
    asked: list[str] = []
    probe.pod.on(Topic.CONFIGURATION, lambda: asked.append("anew"))
    following.turn()
    assert asked == []
    pod.write("new", OWN)
    pod.use("new")
    following.turn()
    assert asked == ["anew"]


def test_a_change_counts_once_the_servers_were_asked_with_it(pod: Pod) -> None:
    """A verdict from before the reload says nothing of the change."""
    probe, following = probe_of(pod)
    board = probe.board
    board.put("lmtp", Verdict("True", Reason.REACHABLE, "it works"))

    def reported() -> object:
        following.turn()
        return board.parts()["configDigest"]

    def make_every_check() -> None:
        for loop in (*probe.others, *probe.watched):
            loop.beat()

    assert reported() == ""
    # A check ends at any time, and nobody should wait for the next look.
    assert following.turn() < 0.5
    make_every_check()
    assert reported() == "old"
    assert following.turn() >= 1.0
    pod.write("new", OWN)
    assert reported() == ""
    pod.use("new")
    assert reported() == ""
    make_every_check()
    assert reported() == "new"
