"""The control client: asks Dovecot over LMTP in the pod, by code that has nothing in common with the probe's.

Runs in the probe's container, which is the one that holds Python. Prints for each question a time in seconds since
1970 and whether it was answered: when it was, or, if it was not, when it was asked.
"""

SCRIPT = """
import os, socket, time

SOCKET = "/var/spool/postfix/private/dovecot-lmtp"
DIALOGUE = [("LHLO control", "250"), ("MAIL FROM:<>", "250"), ("RCPT TO:<control@example.org>", "550"), ("QUIT", "221")]

def become_postfix():
    ids = dict(line.split("=") for line in open("/run/mailstack/ids/postfix"))
    os.setgid(int(ids["gid"]))
    os.setuid(int(ids["uid"]))

def code(stream):
    line = stream.readline()
    while line[3:4] == "-":
        line = stream.readline()
    return line[:3]

def answers():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.5)
        connection.connect(SOCKET)
        stream = connection.makefile("rw", newline="\\r\\n")
        if code(stream) != "220":
            return False
        for command, wanted in DIALOGUE:
            stream.write(command + "\\n")
            stream.flush()
            if code(stream) != wanted:
                return False
    return True

become_postfix()
while True:
    asked = time.time()
    try:
        good = answers()
    except OSError:
        good = False
    print(time.time() if good else asked, int(good), flush=True)
    time.sleep(0.2)
"""


def command(namespace: str, pod: str) -> list[str]:
    return ["kubectl", f"--namespace={namespace}", "exec", pod, "--container=probe", "--", "python3", "-c", SCRIPT]


def read(line: str) -> tuple[float, bool]:
    time, good = line.split()
    return float(time), good == "1"
