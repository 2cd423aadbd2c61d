"""What README and certificate tell of receipts. As ``papers``: its words are part of the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from priorconsent.court import html
from priorconsent.court.receipt_file import FOLDER, ShownReceipt, read_shown
from priorconsent.receipts import AnswerLeaf, SignedReceipt

ASSUMPTIONS = (
    "What was sent, and its nonce, stay with the asker: that a receipt is the answer to that is not shown here.",
    "What tied the file or address in an answer to its work is the registry's word.",
)


def read(files: Mapping[str, bytes]) -> tuple[ShownReceipt, ...]:
    """The receipts among the files of a bundle, in order of their names.

    Raises:
        MalformedError: one of them is not what it should be.
    """
    return tuple(read_shown(raw) for name, raw in sorted(files.items()) if name.startswith(f"{FOLDER}/"))


def readme(number: int, shown: ShownReceipt, by_hand: Callable[[str, str], str]) -> str:
    """A section of the README.

    Args:
        by_hand: from the name of a file with a compact JWS, and a key id, to the commands that check it.
    """
    signed = SignedReceipt(shown.raw)
    commands = by_hand("receipt.jws", signed.kid)
    return _SECTION.format(number=number, issued_at=signed.receipt.issued_at, name=shown.file_name, commands=commands)


_SECTION = """
{number}. Check by hand what the registry answered at {issued_at} / {issued_at} の回答を手で確かめる

    sed 's/.*"receipt":"\\([^"]*\\)".*/\\1/' {name} > receipt.jws
{commands}
"""


def certificate(receipts: tuple[ShownReceipt, ...]) -> list[str]:
    """Parts of the certificate; none where there is no receipt."""
    if not receipts:
        return []
    return [
        html.heading("Answers given before · 事前の回答"),
        html.paragraph("Asked, the registry gave and signed these answers. They never outrank its record."),
        html.paragraph("照会に対する、本登録簿の署名入りの回答です。記録に優先するものではありません。", "ja"),
        html.table(row for shown in receipts for row in _rows(shown)),
    ]


def _rows(shown: ShownReceipt) -> Iterator[tuple[str, str]]:
    signed = SignedReceipt(shown.raw)
    told = signed.receipt
    yield "Receipt · 受領証", signed.digest
    yield "Answered at · 回答時刻", f"{told.issued_at}, fresh until {told.fresh_until}"
    yield "To · 宛先", told.audience or "–"
    for leaf in shown.leaves:
        yield f"Answer · 回答 {leaf.i}", "\n".join(_lines(leaf))


def _lines(leaf: AnswerLeaf) -> Iterator[str]:
    yield f"{leaf.verdict}: {leaf.reason}, until {leaf.until}"
    for name, said in leaf.query.to_json().items() if leaf.query else ():
        if said is not None:
            yield f"{name}: {said}"
