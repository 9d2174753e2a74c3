"""Postfix: its configuration files, scripts, containers and rules."""
