"""Sources of mailbox users: a module for each variant of `spec.users`, and `variants`, the table of them."""
