"""From what somebody drafts to the exact bytes that are signed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from priorconsent import canonical, names, times
from priorconsent.consent import Requirement, States, required
from priorconsent.errors import MalformedError, NotFoundError
from priorconsent.offers import Offer
from priorconsent.records import convert
from priorconsent.rights import RightsTable
from priorconsent.states import RightsTableState
from transparency.archive import DatabaseArchive
from transparency.store import keyset

# Members that the registry adds when the offer is frozen.
_ADDED = frozenset({"v", "registry", "grant", "rights_table", "share_sets", "salt"})
DRAFTED = frozenset(Offer.__struct_fields__) - _ADDED
# What may be left out of a draft, and then means nothing more.
_DEFAULTS: dict[str, Any] = {
    "excluded": [],
    "locators": [],
    "copies": "acquired_after",
    "valid_from": None,
    "conditions": {},
    "texts": [],
    "supersedes": [],
}
# A fraction of what a reader takes, since token, state and bundle hold the offer and more.
MAX_OFFER_BYTES = 1 << 18
# Any digest does to see whether a draft would be an offer.
_NO_DIGEST = canonical.digest(b"")


def tidied(terms: Mapping[str, Any]) -> dict[str, Any]:
    """A draft's terms with defaults filled in, lists sorted and places spelled canonically.

    Raises:
        MalformedError: members that no draft has, or that no offer could have.
    """
    unknown = sorted(set(terms) - DRAFTED)
    if unknown:
        raise MalformedError(f"a draft has no member {unknown[0]}", pointer=f"/{canonical.escape_pointer(unknown[0])}")
    missing = sorted(DRAFTED - set(terms) - set(_DEFAULTS))
    if missing:
        raise MalformedError(f"missing: {', '.join(missing)}")
    whole: dict[str, Any] = {**_DEFAULTS, **terms}
    canonical.check_profile(whole)
    whole["locators"] = [names.canonical_alias(str(locator)) for locator in _list(whole["locators"])]
    whole = {name: _sorted(item) for name, item in whole.items()}
    _offer(whole, grant="urn:uuid:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12, registry=_NO_DIGEST)
    return whole


def frozen(terms: Mapping[str, Any], grant: str, states: States) -> tuple[Offer, Requirement]:
    """The offer that the terms make today, and whose yes it takes.

    Args:
        states: the map as it is now; share sets and rights table are pinned by it.
    """
    table = rights_table(states)
    works, excluded, uses, inputs = (tuple(terms[name]) for name in ("works", "excluded", "uses", "modalities_in"))
    requirement = required(works, excluded, uses, inputs, table, states)
    offer = _offer(
        terms,
        grant=grant,
        registry=keyset(states).registry_id,
        rights_table=table.digest,
        share_sets=requirement.share_sets,
        salt=canonical.to_base64url(secrets.token_bytes(16)),
    )
    return offer, requirement


def rights_table(states: States) -> RightsTable:
    """The rights table in force."""
    state = states.state(names.RIGHTS_TABLE)
    if not isinstance(state, RightsTableState):
        raise NotFoundError("the registry is not founded yet")
    return DatabaseArchive().rights_table(state.digest)


def _offer(terms: Mapping[str, Any], **added: str) -> Offer:
    stand_ins = {"rights_table": _NO_DIGEST, "share_sets": _NO_DIGEST, "salt": "A" * 22}
    offer = convert({"v": 1, **terms, **stand_ins, **added}, Offer)
    offer.check()
    if len(offer.encode()) > MAX_OFFER_BYTES:
        raise MalformedError(f"more than {MAX_OFFER_BYTES} bytes of terms")
    times.plus(offer.valid_until, offer.withdrawal.notice_s)
    return offer


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError("expected a list", pointer="/locators")
    return value


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(item) for name, item in value.items()}
    return canonical.sorted_set(map(_sorted, value)) if isinstance(value, list) else value
