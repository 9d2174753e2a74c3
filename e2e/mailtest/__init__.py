"""What the end-to-end tests and the demo share: a cluster, MailStacks in it, and a mail client inside.

Standard library only, because the demo runs before any virtual environment exists.
"""
