"""What the DNS lacks. Pure."""

from collections.abc import Sequence

from mailstack_operator.cli.plugin.parsing.dns_answers import DnsFinding
from mailstack_operator.cli.plugin.screens.table import render_table

_HEADER = ("STATE", "NAME", "TYPE", "WHAT")


def render_findings(findings: Sequence[DnsFinding], width: int) -> str:
    """A row for each record, and a summary."""
    rows = [(each.state, each.record.name, each.record.type, _words(each)) for each in findings]
    return f"{render_table(_HEADER, rows, width)}\n{_summary(findings)}\n"


def _words(finding: DnsFinding) -> str:
    wanted = f"wanted: {', '.join(finding.record.targets)}"
    if finding.state == "ok":
        return finding.words or ", ".join(finding.record.targets)
    return "; ".join(filter(None, (finding.words, wanted)))


def _summary(findings: Sequence[DnsFinding]) -> str:
    wrong = sum(each.state in ("missing", "differs") for each in findings)
    unknown = sum(each.state == "unknown" for each in findings)
    if wrong:
        return f"{wrong} of {len(findings)} records are missing or differ."
    return f"{unknown} of {len(findings)} records are not known." if unknown else "All records are right."
