"""The files of a bundle that are for people, made from the others and from nothing else.

``verify`` makes them again and compares, so their text is part of the format: a letter changed here
makes all earlier bundles invalid. They say what this registry recorded, and no more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from priorconsent import canonical, keys, merkle_map, names
from priorconsent.court import html, receipt_papers
from priorconsent.court.receipt_file import ShownReceipt
from priorconsent.errors import MalformedError
from priorconsent.events import GrantAdd, MapRoot, read_event
from priorconsent.grants import Token
from priorconsent.log import spelling
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.proof import LogProof
from priorconsent.statements import Signed, Statement
from priorconsent.states import GrantState, LifeEntry, read_state

README, CERTIFICATE, MANIFEST = "README.txt", "certificate.html", "MANIFEST.sha256"
NAMES = frozenset({README, CERTIFICATE})

# A state with its way up to the root.
MAX_LEAF_BYTES = canonical.MAX_JSON_BYTES + 32_768

# An Ed25519 public key as SubjectPublicKeyInfo is this and the 32 bytes (RFC 8410, section 4).
_SPKI = bytes.fromhex("302a300506032b6570032100")

TIME = "Time is the registry's word, but for what the witnesses in the trust file have countersigned."
ASSUMPTIONS = (
    TIME,
    "That a key belongs to a party, and a party is who it says, is the registry's word.",
    "Evidence levels (E0 to E3) are the registry's word.",
    "That the map follows from the log, and that no refusal stood in the way, is for `priorconsent log fsck` to show.",
    "Whom to trust comes from a trust file that was obtained elsewhere.",
)


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint, as it stands in a proof, and the map-root that is its last leaf."""

    checkpoint: Checkpoint
    map_root: MapRoot


@dataclass(frozen=True, slots=True)
class Facts:
    """What the papers tell, read from the other files and not verified here.

    Args:
        keys: of the registry, by key id.
    """

    token: Token
    keys: Mapping[str, keys.Jwk]
    event: GrantAdd
    pos: int
    statements: tuple[Statement, ...]
    life: tuple[LifeEntry, ...]
    first: Head
    now: Head
    stamped: bool
    receipts: tuple[ShownReceipt, ...]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What has to be taken on somebody's word."""
        return ASSUMPTIONS + (receipt_papers.ASSUMPTIONS if self.receipts else ())

    def by_hand(self, file: str, kid: str) -> str:
        """Commands that check a compact JWS of the registry."""
        if kid not in self.keys:
            raise MalformedError(f"no keyset of the bundle has the key that signed {file}")
        return _BY_HAND.format(file=file, pem=_pem(self.keys[kid]))


def render(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """README and certificate for the other files of a bundle.

    Raises:
        MalformedError, NotAvailableError: one of them is not what it should be.
    """
    facts = _facts(files)
    return {README: _readme(facts), CERTIFICATE: _certificate(facts)}


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Digests of all files but the manifest itself, as ``sha256sum`` writes and checks them."""
    lines = [f"{hashlib.sha256(raw).hexdigest()}  {name}\n" for name, raw in sorted(files.items()) if name != MANIFEST]
    return "".join(lines).encode()


def _facts(files: Mapping[str, bytes]) -> Facts:
    token = Token(files["grant/token.jwt"])
    event = read_event(files["first/event.json"])
    name = names.grant(token.offer.grant)
    raw = files.get(f"now/map/{merkle_map.map_key(name).hex()}.json", b"")
    leaf = canonical.parse_canonical(raw, max_bytes=MAX_LEAF_BYTES)
    state = read_state(name, canonical.encode(leaf.get("state") if isinstance(leaf, dict) else None))
    if not isinstance(event, GrantAdd) or not isinstance(state, GrantState):
        raise MalformedError("first/event.json is no grant event")
    return Facts(
        token=token,
        keys=_keys(files),
        event=event,
        pos=LogProof.parse(files["first/proof"]).index,
        statements=tuple(
            Signed(raw).statement for name, raw in sorted(files.items()) if name.startswith("statements/")
        ),
        life=state.life,
        first=_head(files, "first"),
        now=_head(files, "now"),
        stamped="tsr/checkpoint" in files,
        receipts=receipt_papers.read(files),
    )


def _keys(files: Mapping[str, bytes]) -> dict[str, keys.Jwk]:
    found = (keys.payload_of(raw).keys for name, raw in files.items() if name.startswith("keysets/"))
    return {key.jwk.thumbprint: key.jwk for one in found for key in one}


def _head(files: Mapping[str, bytes], folder: str) -> Head:
    note = LogProof.parse(files[f"{folder}/map-root-proof"]).checkpoint.decode()
    event = read_event(files[f"{folder}/map-root.json"])
    if not isinstance(event, MapRoot):
        raise MalformedError(f"{folder}/map-root.json is no map-root")
    return Head(Checkpoint.parse(note.rpartition("\n\n")[0] + "\n"), event)


def _pem(key: keys.Jwk) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(_SPKI + key.raw).decode()}\n-----END PUBLIC KEY-----"


def _readme(facts: Facts) -> bytes:
    offer = facts.token.offer
    first = 6 if facts.stamped else 5
    return _README.format(
        grant=offer.grant,
        registry=offer.registry,
        pos=facts.pos,
        origin=facts.first.checkpoint.origin,
        time=facts.event.time,
        commands=facts.by_hand("grant/token.jwt", facts.token.kid),
        assumptions="\n".join(f"  - {line}" for line in facts.assumptions),
        stamps=_STAMPS if facts.stamped else "",
        receipts="".join(receipt_papers.readme(n, one, facts.by_hand) for n, one in enumerate(facts.receipts, first)),
    ).encode()


_BY_HAND = """\
    cut -d. -f1-2 {file} | tr -d '\\n' > signed.bin
    (cut -d. -f3 {file} | tr -d '\\n' | tr '_-' '/+'; printf '==') | openssl base64 -d -A > signature.bin
    cat > key.pem <<'END'
{pem}
END
    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed.bin -sigfile signature.bin"""


_README = """\
EVIDENCE FOR ONE GRANT
許諾一件の証拠

Grant / 許諾        {grant}
Registry / 登録簿   {registry}
Log / ログ          {origin}, entry {pos}, {time}

This archive holds what this registry recorded about the grant: the terms, the signatures of those who
agreed, the entry in the public log, and the state of the grant later on. It says nothing about
permissions given elsewhere, and nothing about what is lawful.

この書庫には、本登録簿がこの許諾について記録した内容(条件、同意した者の署名、公開ログの記載、その後の
状態)が入っています。他所での許諾の有無や、適法かどうかについては何も示しません。

1. Verify everything / すべてを検証する

Put your own trust file beside the archive; never use one that came with it.
信頼設定ファイルは、この書庫とは別に入手したものを使ってください。

    priorconsent verify BUNDLE.zip --trust trust.json

2. Check by hand that the files are complete / ファイルが揃っているかを手で確かめる

    sha256sum --check MANIFEST.sha256

3. Check by hand the registry's signature on the grant / 許諾への登録簿の署名を手で確かめる

In the folder where the archive was unpacked; OpenSSL 3 says "Signature Verified Successfully".
書庫を展開したフォルダーで実行します。OpenSSL 3 が「Signature Verified Successfully」と表示します。

{commands}

That this key is the registry's own is said by the keysets, which the registry's roots signed.
この鍵が登録簿のものであることは、登録簿のルート鍵が署名した鍵セット (keysets) が示します。

4. What is assumed / 前提

{assumptions}
{stamps}{receipts}"""

_STAMPS = """
5. Check by hand the time-stamps / タイムスタンプを手で確かめる

AUTHORITY.pem is the certificate of an authority that you trust; OpenSSL says "Verification: OK".
AUTHORITY.pem には、信頼する時刻認証局の証明書を置いてください。OpenSSL が「Verification: OK」と表示します。

    openssl ts -verify -data tsr/checkpoint -in tsr/0.tsr -CAfile AUTHORITY.pem
"""


def _certificate(facts: Facts) -> bytes:
    return html.page(
        "What this registry recorded · 登録記録",
        [
            html.paragraph(
                "This registry recorded the grant below. It does not say that a use is lawful, nor that no permission"
                " exists elsewhere. Printed, it proves nothing: the archive that it lies in does."
            ),
            html.paragraph(
                "本登録簿は、以下の許諾を記録しました。利用が適法であること、他所に許諾がないことを示すものではあり"
                "ません。証拠となるのは印刷物ではなく、この文書を収めた書庫です。",
                "ja",
            ),
            html.heading("Record · 記録"),
            html.table(_record(facts)),
            html.heading("Terms · 条件"),
            html.table(_terms(facts)),
            html.heading("Signatures · 署名"),
            html.table(_signatures(facts)),
            html.heading("Life · 経過"),
            html.table((entry.time, *_entry(entry)) for entry in facts.life),
            *receipt_papers.certificate(facts.receipts),
            html.heading("Assumptions · 前提"),
            html.items(facts.assumptions),
        ],
    )


def _record(facts: Facts) -> Iterator[tuple[str, ...]]:
    yield "Registry · 登録簿", facts.token.offer.registry
    yield "Grant · 許諾", facts.token.offer.grant
    yield "Digest of the grant · 許諾のダイジェスト", facts.token.digest
    yield "Digest of the offer · 申込みのダイジェスト", facts.token.offer.digest
    yield "Recorded at · 記録時刻", facts.event.time
    yield "Entry in the log · ログの位置", f"{facts.pos} of {facts.first.checkpoint.origin}"
    yield "First checkpoint · 最初のチェックポイント", _spelled(facts.first)
    yield "Later checkpoint · 後のチェックポイント", _spelled(facts.now)
    yield "Weakest evidence, weakest signature · 最低の証拠水準と署名方式", f"{facts.event.level}, {facts.event.method}"


def _spelled(head: Head) -> str:
    root = spelling.to_base64(head.checkpoint.root)
    return f"{head.checkpoint.size} entries, {head.map_root.time}, root {root}"


def _terms(facts: Facts) -> Iterator[tuple[str, ...]]:
    offer = facts.token.offer
    yield "Licensee · 被許諾者", _lines([offer.licensee.party or "public", *offer.licensee.affiliates])
    yield "Works · 作品", _lines(offer.works)
    yield "Excluded · 除外", _lines(offer.excluded)
    yield "Uses · 利用", _lines(offer.uses)
    yield "Rights · 権利", _lines(offer.rights)
    yield "Bindings · 対象の特定", _lines([*offer.bindings, *offer.locators])
    yield "Copies · 複製", offer.copies
    yield "Data in · 入力", _lines(offer.modalities_in)
    yield "Data out · 出力", _lines(offer.modalities_out)
    yield "Models · モデル", _lines(offer.models)
    yield "Distribution · 提供方法", _lines(offer.distribution)
    yield "Territory · 地域", _lines(offer.territory)
    yield "From · 開始", offer.valid_from or "inclusion in the log · ログへの記載"
    yield "Until · 終了", offer.valid_until
    yield "Withdrawal · 撤回", f"by {offer.withdrawal.by} of the holders, {offer.withdrawal.notice_s} s notice"
    for name, said in offer.conditions.to_json().items():
        yield f"Condition · 約束: {name}", _said(said)
    for text in offer.texts:
        yield f"Text · 文書 ({text.lang})", f"{text.media_type}\n{text.digest}"


def _signatures(facts: Facts) -> Iterator[tuple[str, ...]]:
    for one in sorted(facts.statements, key=lambda one: (one.type, one.party)):
        yield one.type, _lines([one.party, f"signed {one.at}", *one.rights])
    yield "registry", f"key {facts.token.kid}"


def _entry(entry: LifeEntry) -> tuple[str, ...]:
    end = f", ends {entry.ends_at}" if entry.ends_at else ""
    cause = f", cause {entry.cause}" if entry.cause else ""
    return (f"{entry.s}{end}{cause} (entry {entry.pos})",)


def _lines(texts: Any) -> str:
    return "\n".join(texts) or "–"


def _said(said: Any) -> str:
    return {True: "yes", False: "no"}[said] if isinstance(said, bool) else str(said)
