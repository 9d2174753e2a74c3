"""`kubectl mailstack`: shows one MailStack and its mail, read through the user's own kubectl.

commands   what is typed, and what each command does: read, then draw a screen
reading    runs kubectl; the only folder that does I/O
screens    text for a terminal (pure)
parsing    what kubectl and the servers print, as values (pure)
"""
