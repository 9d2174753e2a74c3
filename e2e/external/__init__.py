"""Tests of users on servers of their own: SQL and directories."""
