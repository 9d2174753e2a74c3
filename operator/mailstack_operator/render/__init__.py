"""Renders the servers' configuration files. Pure: a topology in, the text of a file out."""
