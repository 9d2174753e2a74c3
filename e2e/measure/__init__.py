"""How long a fault takes to be in the status of a MailStack, measured on the cluster: `make measure`."""
