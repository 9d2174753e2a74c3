"""Certificates that the servers show and that are not valid today."""

from datetime import timedelta
from pathlib import Path

import pytest

from mailstack_probe import expiry
from tests.probe import keys


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (timedelta(days=-9), timedelta(days=-1), "the certificate expired on "),
        (timedelta(days=1), timedelta(days=9), "the certificate is valid only from "),
    ],
)
def test_a_certificate_that_is_not_valid_today_is_warned_of(
    tmp_path: Path, start: timedelta, end: timedelta, says: str
) -> None:
    file = tmp_path / "tls.crt"
    file.write_bytes(keys.pair(start=start, end=end).certificate)
    [warning] = expiry.warnings([str(file)])
    assert warning.reason == "CertificateExpired"
    assert warning.message.startswith(f"{file}, which the servers show: {says}")


def test_nothing_is_said_of_one_that_is_valid_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "tls.crt"
    file.write_bytes(keys.pair().certificate)
    assert list(expiry.warnings([str(file), str(tmp_path / "lmtp.crt")])) == []
