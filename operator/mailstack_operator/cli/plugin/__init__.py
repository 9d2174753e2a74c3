"""`kubectl mailstack`: asks a cluster through kubectl, and tells what it says of one MailStack.

Only `kubectl` starts processes; `screens` reads through it what `status`, `verify`, `queue` and `logs` turn into text.
"""
