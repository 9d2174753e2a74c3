"""Tests that share three MailStacks: two in one namespace, and one in another that has the name of the first."""
