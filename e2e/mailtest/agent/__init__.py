"""The part of the mail client that runs inside the pod: SMTP, LMTP, IMAP and ManageSieve as any program speaks them.

Standard library only: it is handed to the pod's Python as it stands (mailtest.packed). Every conversation has
a time-out.
"""

SECONDS = 30
HELO = "client.example.net"
