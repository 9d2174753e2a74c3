"""The files in Postfix's private/, as `ls -l` prints them. Pure."""


def parse_listing(output: str) -> dict[str, str]:
    """Mode and owner of each file by its name."""
    rows = (line.split() for line in output.splitlines())
    return {row[-1]: f"{row[0]} {row[2]}:{row[3]}" for row in rows if len(row) > 3}
