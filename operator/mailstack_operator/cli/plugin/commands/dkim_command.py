"""`kubectl mailstack dkim`."""

import re
import secrets
from collections.abc import Mapping, Sequence

import click

from mailstack_operator.cli.plugin.commands.base import Output, kubectl_command
from mailstack_operator.cli.plugin.reading import dkim_keys, pod_reader
from mailstack_operator.cli.plugin.reading.kubectl import Kubectl, KubectlError
from mailstack_operator.cli.plugin.screens.dkim_screen import NewKey, render_new_key
from mailstack_operator.kube.objects import Json, entries, section, text
from mailstack_probe import dkim_key

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,63}}$){_LABEL}([.]{_LABEL})*")


class Selector(click.ParamType[str]):
    """A selector, as spec.dkim.keys takes it."""

    name = "selector"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _NAME.fullmatch(value):
            self.fail(
                f"{value!r} is no selector: use lower-case letters, digits, '-' and '.', as in s2026a", param, ctx
            )
        return value


@click.group()
def dkim() -> None:
    """Make keys for DKIM."""


@kubectl_command
@click.argument("name")
@click.argument("selector", type=Selector())
@click.option("--domain", "domains", multiple=True, help="Domain to sign for; repeat for each. Default: all.")
@click.option("--secret", help="Secret that gets the key; it is made if it is not there. Default: NAME-dkim.")
@click.option("--type", "kind", type=click.Choice([*dkim_keys.KINDS]), default="rsa", show_default=True)
def new(kubectl: Kubectl, name: str, selector: str, domains: Sequence[str], secret: str | None, kind: str) -> Output:
    """Make a key of the name SELECTOR for the MailStack NAME, and print its DNS records.

    The key is in the Secret alone, as SELECTOR.pem; one that is there already stays. The MailStack is not changed.
    """
    spec = section(kubectl.get(pod_reader.RESOURCE, name), "spec")
    own, aliases = _domains(spec), [text(each, "domain") for each in entries(spec, "domainAliases")]
    if foreign := next((domain for domain in domains if domain not in (*own, *aliases)), None):
        raise KubectlError(f"{foreign} is no domain of MailStack {name}: add it to spec.domains first")
    try:
        private = dkim_keys.make_key(kind)
    except dkim_keys.OpensslError as error:
        return Output("", [str(error)], 1)
    record = dkim_key.read(private.encode()).record
    made = NewKey(name, selector, domains or own, secret or f"{name}-dkim", f"{selector}.pem", record)
    # Another manager each time: the API server refuses to replace the key of a former one.
    kubectl.add_to_secret(made.secret, made.key, private, f"kubectl-mailstack-{secrets.token_hex(4)}")
    return Output(render_new_key(made))


def _domains(spec: Mapping[str, Json]) -> list[str]:
    known = spec.get("domains")
    return [str(domain) for domain in known] if isinstance(known, list) else []


dkim.add_command(new)
