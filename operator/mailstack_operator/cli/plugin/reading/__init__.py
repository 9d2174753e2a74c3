"""Reads through kubectl. Only kubectl.py starts processes."""
