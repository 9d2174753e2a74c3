"""The cluster harness: a kind cluster and the project's images, from a bare Debian machine.

Standard library only, because it runs before any virtual environment exists:
`PYTHONPATH=e2e python3 -m harness --help`.
"""
