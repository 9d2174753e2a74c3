"""The MailStack operator: Postfix and Dovecot, joined by LMTP, from one Kubernetes object."""

__version__ = "0.1.0"
"""The version of the project: the package, the operator's image and the chart (docs/release.md)."""
