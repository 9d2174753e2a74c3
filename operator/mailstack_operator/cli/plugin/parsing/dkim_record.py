"""The DNS record of a key for DKIM in a zone file. Source: RFC 1035, 3.3.14 and 5.1."""

_STRING = 255


def zone_line(selector: str, domain: str, text: str) -> str:
    """A longer text is several strings."""
    strings = (text[start : start + _STRING] for start in range(0, len(text), _STRING))
    quoted = " ".join(f'"{string}"' for string in strings)
    return f"{selector}._domainkey.{domain}. IN TXT ( {quoted} )"
