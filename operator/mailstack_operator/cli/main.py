"""The command `mailstack`."""

import pkgutil

import click

_CLI = "mailstack_operator.cli"
_PLUGIN = f"{_CLI}.plugin.commands"

# Where each command is, and its line in the help. It is imported when it is run: kubectl mailstack should not wait for
# the models, nor any command but `run` for Kopf and the client.
COMMANDS = {
    "crd": (f"{_CLI}.manifest_commands:crd", "Print the CustomResourceDefinition of MailStack."),
    "dkim": (f"{_PLUGIN}.dkim_command:dkim", "Make keys for DKIM."),
    "dns": (f"{_PLUGIN}.dns_command:dns", "Print the DNS records that the MailStack NAME needs."),
    "logs": (f"{_PLUGIN}.logs_command:logs", "Print the merged logs of the MailStack NAME."),
    "queue": (f"{_PLUGIN}.queue_command:queue", "List the queued messages of the MailStack NAME."),
    "render": (f"{_CLI}.manifest_commands:render", "Print the objects of the MailStacks in FILE as YAML."),
    "run": (f"{_CLI}.run_command:run", "Run the operator."),
    "status": (f"{_PLUGIN}.status_command:status", "Show the status of the MailStack NAME."),
    "users": (f"{_PLUGIN}.users_command:users", "List the users of the MailStack NAME, and check them."),
    "validate": (f"{_CLI}.manifest_commands:validate", "Check the MailStacks in FILE."),
    "verify": (f"{_PLUGIN}.verify_command:verify", "Ask both servers whether they accept mail for ADDRESS."),
}


class _LazyGroup(click.Group):
    """Imports the command that is run, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = pkgutil.resolve_name(COMMANDS[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mailstack-operator", prog_name="mailstack")
def main() -> None:
    """Postfix and Dovecot, joined by LMTP, from one MailStack object.

    `render`, `validate` and `crd` work without a cluster; `run` is the operator itself. The other commands read a
    cluster through kubectl, and also work as `kubectl mailstack`.
    """


def kubectl_plugin() -> None:
    """`kubectl-mailstack`: the same, with the name that the user types in its help."""
    main(prog_name="kubectl mailstack")
