"""Text for a terminal. Pure."""
