"""Which checks a pod has, by the options of its probe."""

from collections.abc import Iterator
from pathlib import Path

from mailstack_probe import directory, dovecot_warnings, listeners
from mailstack_probe.board import Board
from mailstack_probe.checks import files, postfix, users
from mailstack_probe.checks.check import Check, Pod, Topic
from mailstack_probe.checks.clients import ClientsCheck, SessionsCheck
from mailstack_probe.checks.dovecot import LmtpCheck
from mailstack_probe.checks.files import CertificatesCheck, ConfigurationCheck, StoreCheck, VolumesCheck
from mailstack_probe.checks.postfix import FilterCheck, PortCheck, RetriesCheck, SmtpCheck, VerificationCheck
from mailstack_probe.checks.users import AccountsCheck, AliasesCheck, FileUsers
from mailstack_probe.clients import Clients
from mailstack_probe.contract import ProbeOptions
from mailstack_probe.directory import Accounts, Directory
from mailstack_probe.listeners import Listener
from mailstack_probe.loops import Loop


class Probe:
    """The checks of this pod; what they found is on `board`, by the names of the contract."""

    def __init__(self, options: ProbeOptions, board: Board) -> None:
        pod = Pod(options, board)
        listener = listeners.listener(options.lmtp, options.lmtp_ca)
        file = FileUsers(pod, Path(options.users), listener) if options.users else None
        store = StoreCheck(pod, options.store) if options.store else None
        self.board = board
        self.pod = pod
        self.clients = Clients(options)
        self.volumes = VolumesCheck(pod)
        self.lmtp = LmtpCheck(pod, listener, file, store)
        self._options = options
        self._postfix = list(_of_postfix(pod, self.volumes))
        people = ClientsCheck(pod, self.clients)
        waited_for = [each.loop for each in (self.lmtp, people, *self._postfix)]
        checks: list[Check] = [store] if store else []
        checks += [self.volumes, *_of_files(pod, self.clients, people), *self._postfix, people]
        checks += [*_of_users(pod, listener, file), *_of_configuration(pod, waited_for)]
        self.others = [each.loop for each in checks]
        # Dovecot has checked its files when it answers; the probe may have started before.
        pod.on(Topic.LMTP, self._look_at_warnings)

    @property
    def watched(self) -> list[Loop]:
        """The loops that must turn. Not that of the store: it hangs with its file system, and no restart helps."""
        return [self.lmtp.loop, *(each.loop for each in self._postfix)]

    def start(self) -> None:
        if self._options.settings:
            self.board.use("")
        self._look_at_warnings()
        for loop in (*self.others, self.lmtp.loop):
            loop.start()
        self.lmtp.start()

    def _look_at_warnings(self) -> None:
        if self._options.dovecot_warnings:
            file = Path(self._options.dovecot_warnings)
            self.board.warn("configuration", list(dovecot_warnings.of_configuration(file)))


def _of_postfix(pod: Pod, volumes: VolumesCheck) -> Iterator[Check]:
    if pod.options.smtp:
        yield SmtpCheck(pod, pod.options.smtp, volumes)
    if verifier := postfix.verifier(pod.options):
        yield VerificationCheck(pod, verifier, volumes)
    if pod.options.filter:
        yield FilterCheck(pod, pod.options.filter)


def _of_files(pod: Pod, clients: Clients, check: ClientsCheck) -> Iterator[Check]:
    """What costs no question to a server, or the port of one."""
    options = pod.options
    if options.certificate:
        yield CertificatesCheck(pod)
    if options.connections:
        yield SessionsCheck(pod, clients, check)
    if options.queue and options.verification:
        yield RetriesCheck(pod, options.queue, options.verification)
    if options.smtp or options.verification:
        yield PortCheck(pod)


def _of_users(pod: Pod, listener: Listener, file: FileUsers | None) -> Iterator[Check]:
    options = pod.options
    if options.users or options.store:
        yield users.users_check(pod, listener, file)
    if options.user_list and options.canary:
        roles = directory.role_addresses(options.domain, options.postmaster, options.canary)
        source = Directory(Path(options.user_list), roles, options.canary, directory.MOST)
        yield AccountsCheck(pod, Accounts(source, options.domain))
    if options.alias_targets:
        yield AliasesCheck(pod, options.alias_targets, listener)


def _of_configuration(pod: Pod, waited_for: list[Loop]) -> Iterator[Check]:
    if followed := files.followed(pod.options):
        yield ConfigurationCheck(pod, followed, waited_for)
