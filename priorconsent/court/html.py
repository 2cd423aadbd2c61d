"""Pages that stand alone: one file, no script, nothing fetched, fit for paper. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_STYLE = """
body { font: 11pt/1.5 serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #111; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin: 1.6em 0 .4em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25em .6em .25em 0; border-top: 1px solid #bbb }
th { font-weight: normal; width: 34%; color: #444 }
td { overflow-wrap: anywhere; white-space: pre-line }
tr { break-inside: avoid }
@media print { body { margin: 0; max-width: none } }
"""
# Belt and braces: even if a text slipped through unescaped, no browser would run or fetch anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, parts: Iterable[str], style: str = "") -> bytes:
    """A page.

    Args:
        title: text.
        parts: markup, made by the functions below.
        style: rules beside those of every page. The bytes of a certificate are checked, so it has none.
    """
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>"
    )
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'.encode()


def heading(text: str) -> str:
    """A heading within a page."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, lang: str = "en") -> str:
    """A paragraph."""
    return f'<p lang="{escape(lang)}">{escape(text)}</p>'


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows of text; the first cell heads its row."""
    return f"<table>\n{chr(10).join(map(_row, rows))}\n</table>"


def items(texts: Iterable[str]) -> str:
    """A list."""
    return "<ul>\n" + "\n".join(f"<li>{escape(text)}</li>" for text in texts) + "\n</ul>"


def _row(cells: tuple[str, ...]) -> str:
    head, *rest = cells
    return f"<tr><th>{escape(head)}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
