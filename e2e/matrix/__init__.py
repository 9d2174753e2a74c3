"""Tests that share the eight MailStacks of the matrix: ways.py says which of them has what."""
