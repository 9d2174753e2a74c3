"""rspamd, the filter beside Postfix."""
