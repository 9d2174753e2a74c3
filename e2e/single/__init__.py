"""Tests that share one MailStack with TLS."""
