"""The public half of an Ed25519 key. Source: RFC 8032, 5.1. Its time tells of the key to whoever can measure it."""

import hashlib
from typing import Final, TypeAlias

# A point of the curve: its coordinates X, Y, Z and T, with x = X/Z, y = Y/Z and x * y = T/Z.
_Point: TypeAlias = tuple[int, int, int, int]

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_BASE_X: Final = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y: Final = 4 * pow(5, -1, _P) % _P
_BASE: Final[_Point] = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
_ZERO: Final[_Point] = (0, 1, 1, 0)


def public(seed: bytes) -> bytes:
    """Of the 32 bytes that a private key is made of, the 32 bytes of its public key."""
    digest = hashlib.sha512(seed).digest()[:32]
    scalar = int.from_bytes(digest, "little") & ((1 << 254) - 8) | (1 << 254)
    x, y, z, _ = _times(scalar, _BASE)
    inverse = pow(z, -1, _P)
    sign = x * inverse % _P & 1
    return (y * inverse % _P | sign << 255).to_bytes(32, "little")


def _times(scalar: int, point: _Point) -> _Point:
    total = _ZERO
    while scalar:
        if scalar & 1:
            total = _sum(total, point)
        point, scalar = _sum(point, point), scalar >> 1
    return total


def _sum(one: _Point, other: _Point) -> _Point:
    """RFC 8032, 5.1.4."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
