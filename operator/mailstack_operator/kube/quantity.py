"""Kubernetes quantities (apimachinery, resource.Quantity): numbers with a unit, such as 1Gi, 500M or 1e3."""

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]+)|([KMGTPE]i|[numkMGTPE]|))")
_BINARY = {f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", start=1)}
_DECIMAL = {prefix: Decimal(1000) ** power for power, prefix in enumerate("num_kMGTPE", start=-3)}
_UNITS = {**_BINARY, **_DECIMAL, "": Decimal(1)}


def amount(quantity: str) -> Decimal:
    """The number that it stands for: 1024 for 1Ki. 0 where it is none."""
    found = _FORM.fullmatch(quantity)
    if found is None:
        return Decimal(0)
    number, exponent, unit = found.groups()
    return Decimal(number).scaleb(int(exponent)) if exponent else Decimal(number) * _UNITS[unit or ""]
