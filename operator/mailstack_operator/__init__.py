"""The MailStack operator: Postfix and Dovecot, joined by LMTP, from one Kubernetes object."""
