"""What a MailStack becomes: decided and rendered. Pure: no I/O, no clock, no cluster."""
