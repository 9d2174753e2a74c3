"""Kubernetes objects as decoded JSON: names, readers, references. Pure."""
