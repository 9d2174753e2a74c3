"""A terminal's text as SVG: lines and text, no fonts and no pixels."""

from collections.abc import Iterator
from html import escape

_COLUMN, _LINE, _MARGIN = 8.4, 18, 16
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-size="14" '
    "font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n"
    '<rect width="100%" height="100%" rx="8" fill="#292d3e"/>\n'
)


def draw(command: str, output: str) -> str:
    """The command after its prompt, and the output; headings of tables are bold."""
    lines = [f"$ {command}", *output.splitlines()]
    width = 2 * _MARGIN + _COLUMN * max(map(len, lines))
    height = 2 * _MARGIN + _LINE * len(lines)
    return _HEAD.format(width=width, height=height) + "".join(_texts(lines)) + "</svg>\n"


def _texts(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if line:
            place = f'x="{_MARGIN}" y="{_MARGIN + _LINE * (number + 0.75):.1f}" textLength="{_COLUMN * len(line):.1f}"'
            yield f'<text {place} xml:space="preserve" {_style(number, line)}>{escape(line, quote=False)}</text>\n'


def _style(number: int, line: str) -> str:
    is_heading = number == 0 or (line.isupper() and line.replace(" ", "").isalpha())
    return 'fill="#7ec88c" font-weight="bold"' if is_heading else 'fill="#d8dee9"'
