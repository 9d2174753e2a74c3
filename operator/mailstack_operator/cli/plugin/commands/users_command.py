"""`kubectl mailstack users`."""

import click

from mailstack_operator.cli.plugin.commands.base import Output, kubectl_command, terminal_width
from mailstack_operator.cli.plugin.reading import pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.reading.users_reader import list_users
from mailstack_operator.cli.plugin.screens.users_screen import render_problems, render_users
from mailstack_operator.kube.objects import section


@kubectl_command
@click.argument("name")
@click.option("--check", is_flag=True, help="Show only those with problems: ask Dovecot about each.")
def users(kubectl: Kubectl, name: str, *, check: bool) -> Output:
    """List the users of the MailStack NAME, and check them.

    Their source may be a users file, a database or a directory. With --check, Dovecot is asked about each of them:
    whether mail reaches it, and whether its password can be checked. Exits with 1 if something is wrong with one.
    """
    spec = section(kubectl.get(pod_reader.RESOURCE, name), "spec")
    pods = pod_reader.select_dovecot(pod_reader.require_pods(kubectl, name))
    if not pods:
        raise KubectlError(f"MailStack {name} has no pod of Dovecot: see `kubectl mailstack status {name}`")
    domains = spec.get("domains")
    found = list_users(kubectl, pods[0], domains if isinstance(domains, list) else [], check=check)
    if not check:
        return Output(render_users(found))
    return Output(render_problems(found, terminal_width()), code=int(any(listed.problem for listed in found)))
