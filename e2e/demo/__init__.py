"""The demo: from a bare machine to a delivered message. `PYTHONPATH=e2e python3 -m demo`."""
