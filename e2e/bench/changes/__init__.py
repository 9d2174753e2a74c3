"""What a start and a change of one MailStack take, on the cluster: `make bench PART=changes`."""
