"""A module for each command: what is typed, and what it does: read, then draw a screen."""
