"""Which end-to-end tests share MailStacks, and so a worker."""

import pytest

import groups
from harness import paths
from mailtest import faults

E2E = paths.repository() / "e2e"


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("e2e/test_tls.py::test_mail_is_read_over_imaps[inet-23]", "test_tls"),
        ("e2e/test_faults.py::test_a_fault_is_told_and_so_is_its_end[port 25 filtered]", "faults-postfix"),
        ("e2e/test_faults.py::test_an_unknown_recipient_is_accepted_at_no_time", "faults-other"),
        ("e2e/matrix/test_sieve.py::test_a_users_script_files_mail_into_a_folder[2.4]", "unix"),
        ("e2e/matrix/test_matrix.py::test_mail_is_delivered_and_read_over_imap[inet-23-local]", "inet"),
        ("e2e/three/test_cache.py::test_a_cache_that_breaks_under_postfix_is_begun_anew", "three"),
    ],
)
def test_the_group_of_a_test(test: str, group: str) -> None:
    assert groups.group_of(test) == group


def test_what_takes_longest_begins_first() -> None:
    assert groups.rank("e2e/matrix/test_sieve.py::test_x") < groups.rank("e2e/test_images.py::test_x")
    assert groups.rank("e2e/test_images.py::test_x") < groups.rank("e2e/test_users.py::test_x")


def test_each_group_that_begins_first_has_tests() -> None:
    modules = (path.relative_to(E2E.parent) for path in E2E.rglob("test_*.py"))
    found = {groups.group_of(f"{module}::test_x") for module in modules}
    assert set(groups.LONGEST) <= {*found, *(f"faults-{group}" for group in faults.GROUPS)}


def test_each_folder_that_shares_stacks_is_there() -> None:
    assert all((E2E / folder / "conftest.py").is_file() for folder in groups.FOLDERS)
