"""Which tests share MailStacks: one worker runs them, one after the other. Groups run side by side.

pytest-xdist's own marker for this adds to the id of a test, which pytest 9.2 no longer lets it do.
"""

from pathlib import PurePath

from mailtest import faults

# What takes longest begins first: else the last of it runs alone at the end.
LONGEST = (
    *("unix", "test_source_faults", "test_sources", "test_rehearsal", "test_inet", "inet", "test_images"),
    *("test_submission", "test_tls", "faults-lmtp", "test_verification", "faults-store", "faults-postfix"),
    "faults-verification",
)
# Folders whose modules share MailStacks.
FOLDERS = ("single", "three")
_FAULTS = {fault.name: f"faults-{group}" for group, members in faults.GROUPS.items() for fault in members}
# Of the folder `matrix`: the listener that a module needs; the other modules' rows say it.
_MATRIX = {"test_local": "unix", "test_sieve": "unix", "test_quota": "inet", "test_users_file": "inet"}


def group_of(test: str) -> str:
    """By a test's id, such as `e2e/test_tls.py::test_mail_is_read_over_imaps[inet-23]`: usually its module."""
    path, _, name = test.partition("::")
    module, row = PurePath(path), name.partition("[")[2].removesuffix("]")
    if module.stem == "test_faults":
        return _FAULTS.get(row, "faults-other")
    if module.parent.name == "matrix":
        return _MATRIX.get(module.stem, row.partition("-")[0])
    return module.parent.name if module.parent.name in FOLDERS else module.stem


def rank(test: str) -> int:
    """Where a test stands in the order of a run."""
    group = group_of(test)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)
