"""What a registry puts into the bundle of one grant, found from its token alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from priorconsent import consent, keys, names
from priorconsent import vocabulary as words
from priorconsent.consent import States
from priorconsent.court.bundle import Evidence
from priorconsent.errors import NotTrustedError
from priorconsent.grants import Token
from priorconsent.offers import Offer
from priorconsent.replay import Archive
from priorconsent.rights import RightsTable
from priorconsent.shares import ShareSet
from priorconsent.statements import Signed
from priorconsent.states import KeysetState


def gather(token: bytes, archive: Archive, then: States, now: States) -> Evidence:
    """Collect the evidence for a grant.

    Args:
        token: the grant token, as logged.
        then: the states when it was logged; they tell which share sets counted.
        now: the states that the bundle proves.

    Raises:
        NotTrustedError: a piece is missing from the archive.
    """
    grant = Token(token)
    offer = grant.offer
    table = archive.rights_table(offer.rights_table)
    statements = [_evidence(archive, item.digest) for item in grant.content.evidence]
    key_ids = sorted({Signed(raw).statement.key for raw in statements})
    scope = consent.closure(
        offer.works, consent.links_of(table.rules_for(offer.uses, offer.modalities_in)), then, offer.excluded
    )
    documents = [_evidence(archive, work.share_set) for work in scope.works.values()]
    return Evidence(
        token=token,
        statements=tuple(statements),
        key_records=tuple(_evidence(archive, key_id) for key_id in key_ids),
        share_sets=tuple(documents),
        rights_table=archive.blob(offer.rights_table) or table.encode(),
        texts=tuple(_text(archive, pin.digest) for pin in offer.texts),
        keysets=tuple(_keysets(archive, now))[::-1],
        names=names_needed(offer, table, [ShareSet.parse(raw) for raw in documents], now),
    )


def names_needed(offer: Offer, table: RightsTable, share_sets: Iterable[ShareSet], states: States) -> tuple[str, ...]:
    """The names whose states decide about a grant: proved in its bundle, all of them and no other.

    Args:
        share_sets: those that the offer pins.
        states: of the map that the bundle proves.
    """
    # Any table in force then or later follows these links and no others, or those of the pinned one.
    links = words.CONSENT_LINKS | consent.links_of(table.rules)
    scope = consent.closure(offer.works, links, states)
    documents = list(share_sets)
    works = {*scope.reached, *(document.work for document in documents)}
    parties = {*scope.holders, *(share.party for document in documents for share in document.shares)}
    parties |= {offer.licensee.party} - {None}  # type: ignore[arg-type]
    return tuple(
        sorted(
            {
                names.KEYSET,
                names.RIGHTS_TABLE,
                names.grant(offer.grant),
                *map(names.work, works),
                *map(names.party, parties),
            }
        )
    )


def _keysets(archive: Archive, now: States) -> Iterator[bytes]:
    """From the keyset in force back to version 1."""
    state = now.state(names.KEYSET)
    digest = state.digest if isinstance(state, KeysetState) else None
    while digest is not None:
        raw = archive.keyset(digest)
        yield raw
        digest = keys.payload_of(raw).previous


def _evidence(archive: Archive, digest: str | None) -> bytes:
    raw = None if digest is None else archive.evidence(digest)
    if raw is None:
        raise NotTrustedError(f"the evidence {digest} is missing from the archive")
    return raw


def _text(archive: Archive, digest: str) -> bytes:
    raw = archive.blob(digest) or archive.evidence(digest)
    if raw is None:
        raise NotTrustedError(f"the text {digest} is missing from the blobs")
    return raw
