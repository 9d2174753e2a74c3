"""What the operator shows on its pages of metrics."""

from mailtest import monitoring, release
from mailtest.stack import Stack


def operator() -> list[str]:
    return [monitoring.page(release.NAMESPACE, pod["metadata"]["name"], 8080) for pod in release.pods()]


def ready_line(stack: Stack, status: str) -> str:
    """The operator's sample for the status (true, false, unknown) of the MailStack's condition Ready."""
    which = f'mailstack="{stack.name}",namespace="{stack.namespace}",status="{status}",type="Ready"'
    return f"mailstack_condition{{{which}}}"


def shows(pages: list[str], sample: str) -> bool:
    return any(f"\n{sample}" in page for page in pages)
