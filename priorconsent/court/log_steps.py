"""Steps of ``verify`` about keys, log and map: what the registry signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from priorconsent import canonical, keys, names, times, timestamps
from priorconsent.court import papers
from priorconsent.court.bundle import Bundle, MapLeaf, read_consistency
from priorconsent.errors import (
    FraudError,
    MalformedError,
    NotAvailableError,
    NotTrustedError,
    PriorConsentError,
    ProofError,
    SignatureError,
)
from priorconsent.events import GrantAdd, read_event
from priorconsent.grants import Token
from priorconsent.head import MAX_QUORUM_LEAD_S, Head, check_log_key, open_head
from priorconsent.keys import Keyset
from priorconsent.log import proof as log_proof
from priorconsent.log import spelling
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.cosignature import MAX_SIGNED_NAME_BYTES, SIGNATURE_BYTES
from priorconsent.log.note import MAX_NOTE_BYTES, split_note
from priorconsent.log.tree import check_consistency
from priorconsent.states import GrantState, KeysetState, State
from priorconsent.trust import Trust


@dataclass(frozen=True, slots=True)
class Logged:
    """The grant's event, proved into the first checkpoint."""

    event: GrantAdd
    pos: int
    head: Head


class ProvedStates:
    """States that a map's root commits to. What was not proved is not taken for absent.

    The one exception: other grants of a work, which this bundle says nothing about.
    """

    def __init__(self, known: Mapping[str, State]) -> None:
        self.known = known

    def state(self, name: str) -> State | None:
        """The state under a name. Implements ``consent.States``.

        Raises:
            ProofError: the bundle does not prove it.
        """
        if name in self.known:
            return self.known[name]
        if names.kind_of(name) == "grant":
            return None
        raise ProofError(f"nothing is proved about {name}")


def check_papers(bundle: Bundle) -> str:
    """Step 2: the manifest, and the files for people, are what the other files give."""
    told = {name: raw for name, raw in bundle.files.items() if name not in {*papers.NAMES, papers.MANIFEST}}
    expected = papers.render(told) | {papers.MANIFEST: papers.manifest(bundle.files)}
    require(f"{name} is not the one that the other files give" for name in expected if bundle[name] != expected[name])
    return "as made anew"


def keyset_chain(raws: Iterable[bytes], trust: Trust) -> tuple[Keyset, ...]:
    """Step 3: keyset 1 is the registry's and signed by the roots trusted; each next by the one before."""
    chain: list[Keyset] = []
    for raw in raws:
        chain.append(keys.read_keyset(raw, chain[-1] if chain else None))
        if len(chain) == 1:
            check_roots(raw, chain[0], trust)
    return tuple(chain)


def check_roots(raw: bytes, keyset: Keyset, trust: Trust) -> None:
    """Refuse a first keyset of another registry, or that the trusted roots did not sign.

    Args:
        raw: the JWS, every signature of which verifies.
    """
    if keyset.digest != trust.registry:
        raise NotTrustedError(f"keyset 1 is that of registry {keyset.digest}, not of {trust.registry}")
    signatures = canonical.parse_canonical(raw)["signatures"]
    headers = [canonical.parse_canonical(canonical.from_base64url(one["protected"])) for one in signatures]
    met = len({header["kid"] for header in headers} & set(trust.roots))
    if met < trust.threshold:
        raise SignatureError(f"{met} of the {trust.threshold} trusted roots needed signed keyset 1")


def first_checkpoint(bundle: Bundle, trust: Trust) -> Logged:
    """Step 4: the grant's event is in the first checkpoint, which counts, and whose last leaf is the map-root."""
    head = _head(bundle, "first", trust)
    proof = log_proof.LogProof.parse(bundle["first/proof"])
    if proof.checkpoint != head.note:
        raise ProofError("event and map-root are proved by different checkpoints")
    log_proof.check(proof, bundle["first/event.json"], trust.policy)
    event = read_event(bundle["first/event.json"])
    if not isinstance(event, GrantAdd):
        raise MalformedError("the event is not a grant")
    if event.time > head.map_root.time:
        raise FraudError("the event is later than its checkpoint", evidence=(bundle["first/proof"],))
    return Logged(event, proof.index, head)


def later_checkpoint(bundle: Bundle, first: Logged, trust: Trust) -> Head:
    """Step 5: the later checkpoint counts too, and its log begins with the first one's."""
    now = _head(bundle, "now", trust)
    old, new = first.head.checkpoint, now.checkpoint
    path = read_consistency(bundle["now/consistency"])
    check_consistency(old.size, new.size, old.root, new.root, path)
    if now.map_root.time < first.head.map_root.time:
        raise FraudError("the later checkpoint has the earlier time", evidence=(first.head.note, now.note))
    return now


@dataclass(frozen=True, slots=True)
class Seen:
    """What trusted time-stamp authorities say about the first checkpoint.

    Args:
        by: it existed then; ``None`` if no authority is trusted, or none that is has stamped.
        told: the same in words.
    """

    by: str | None
    told: str


def time_stamps(bundle: Bundle, first: Logged, trust: Trust) -> Seen:
    """Step 6: the stamped checkpoint continues the first one, and no authority saw it before the registry did.

    What an authority signed that the reader does not trust counts for nothing, as if it were not there.
    """
    if not bundle.stamps:
        return Seen(None, "none in the bundle")
    stamped = Checkpoint.parse(spelling.decode_text(bundle["tsr/checkpoint"], max_bytes=MAX_NOTE_BYTES))
    old = first.head.checkpoint
    if stamped.origin != old.origin:
        raise NotTrustedError(f"the time-stamps are for the log {stamped.origin}, not for {old.origin}")
    check_consistency(old.size, stamped.size, old.root, stamped.root, read_consistency(bundle["tsr/consistency"]))
    if not trust.tsa_ca:
        return Seen(None, f"{len(bundle.stamps)} in the bundle, but the trust file names no authority")
    found, refusals = [], []
    for name, token in bundle.stamps.items():
        try:
            found.append((timestamps.check(token, bundle["tsr/checkpoint"], trust.tsa_ca), name))
        except (MalformedError, SignatureError, NotAvailableError) as error:
            refusals.append(f"{name}: {error}")
    if not found:
        return Seen(None, f"none by an authority that is trusted ({'; '.join(refusals)})")
    stamp, name = min(found, key=lambda one: one[0].time)
    begin = first.head.map_root.time
    if times.plus(stamp.time, MAX_QUORUM_LEAD_S) < begin:
        raise FraudError(
            f"stamped at {stamp.time}, but dated {begin} by the registry", evidence=(bundle[name], first.head.note)
        )
    return Seen(stamp.time, f"seen by {stamp.time} ({name}, checked by {stamp.checked_by})")


def proved_states(leaves: Iterable[MapLeaf], now: Head) -> ProvedStates:
    """Step 7: each state leads to the map-root of the later checkpoint."""
    states: dict[str, State] = {}
    faults = []
    for leaf in leaves:
        try:
            states[leaf.name] = leaf.proved(now.root)
        except PriorConsentError as error:
            # Quoted: the name may hold anything, and this is printed.
            faults.append(f"{leaf.name[:100]!r}: {error}")
    require(faults)
    return ProvedStates(states)


def countersignature(
    token: Token, logged: Logged, now: Head, keysets: tuple[Keyset, ...], states: ProvedStates
) -> Keyset:
    """Step 8: token and checkpoints are signed by keys that the keysets in force at their positions name for it.

    Returns:
        the keyset of the token. Where a later one came in since, the bundle does not show which of the earlier
        ones was in force: then the newest of them under which the signature counts.
    """
    state = states.state(names.KEYSET)
    newest = keysets[-1]
    if not isinstance(state, KeysetState) or (state.version, state.digest) != (newest.version, newest.digest):
        raise NotTrustedError("the keysets do not end with the one in the map")

    def in_force_below(pos: int) -> tuple[Keyset, ...]:
        return keysets[-1:] if state.pos < pos else keysets[:-1]

    check_log_key(now.opened, newest, now.map_root.time)
    first, at = logged.head, logged.head.map_root.time
    if (
        _newest_that(lambda keyset: check_log_key(first.opened, keyset, at), in_force_below(first.checkpoint.size))
        is None
    ):
        raise SignatureError(f"the first checkpoint is signed by no log key of the registry at {at}")
    keyset = _newest_that(lambda keyset: token.verify(keyset, logged.event.time), in_force_below(logged.pos))
    if keyset is None:
        raise SignatureError(f"the token is not signed by a grant key of the registry at {logged.event.time}")
    return keyset


def same_grant(bundle: Bundle, token: Token, logged: Logged, trust: Trust) -> str:
    """Step 9: offer, token and event say the same, of the registry trusted."""
    event, offer = logged.event, token.offer
    told = (event.grant, event.works, event.valid_from, event.valid_until)
    pinned = {text.digest for text in offer.texts}
    require_all(
        (offer.registry == trust.registry, "the offer is that of another registry"),
        (bundle["grant/offer.json"] == offer.encode(), "grant/offer.json is not the offer in the token"),
        (event.digest == token.digest, "the event names another token"),
        (event.offer == offer.digest, "the event names another offer"),
        (told == (offer.grant, offer.works, offer.valid_from, offer.valid_until), "the event differs from the offer"),
        (event.time < offer.lapse_at, "the offer had lapsed"),
        (set(bundle.folder("texts")) == pinned, "the texts are not exactly those that the offer pins"),
    )
    return f"grant {offer.grant}, digest {token.digest}"


def same_state(token: Token, logged: Logged, states: ProvedStates) -> GrantState:
    """Step 12: the map shows this grant, and its life begins with this event."""
    event = logged.event
    state = states.state(names.grant(event.grant))
    if not isinstance(state, GrantState):
        raise ProofError("the grant is not in the map")
    told = (state.digest, state.offer_digest, state.method, state.level, state.valid_from, state.valid_until)
    logged_as = (event.digest, event.offer, event.method, event.level, event.valid_from, event.valid_until)
    begin = (state.life[0].s, state.life[0].pos, state.life[0].time)
    require_all(
        (told == logged_as, "the map shows another grant than the event"),
        (state.terms == token.offer, "the map shows other terms than the offer"),
        (begin == ("active", logged.pos, event.time), "its life does not begin with the event"),
    )
    return state


def require_all(*checks: tuple[bool, str]) -> None:
    """Fail with what is wrong wherever something does not hold.

    Args:
        checks: what has to hold, and what is wrong if it does not.
    """
    require(unmet(*checks))


def unmet(*checks: tuple[bool, str]) -> list[str]:
    """What is wrong, of ``checks`` as in ``require_all``."""
    return [fault for holds, fault in checks if not holds]


def require(faults: Iterable[str]) -> None:
    """Fail with all that is wrong, if anything is."""
    found = list(faults)
    if found:
        raise NotTrustedError("; ".join(found))


def _head(bundle: Bundle, folder: str, trust: Trust) -> Head:
    proof = bundle[f"{folder}/map-root-proof"]
    note = log_proof.LogProof.parse(proof).checkpoint
    _check_lines(note, folder)
    return open_head(note, bundle[f"{folder}/map-root.json"], proof, trust)


def _check_lines(note: bytes, folder: str) -> None:
    """Refuse what no log or witness could have written: unknown keys sign there, but nobody stores bytes there."""
    _, lines = split_note(note)
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise MalformedError(f"a key has signed the checkpoint in {folder} twice")
    for line in lines:
        if len(line.signature) not in SIGNATURE_BYTES or len(line.name.encode()) > MAX_SIGNED_NAME_BYTES:
            raise MalformedError(f"a line under the checkpoint in {folder} is no signature of a log or witness")


def _newest_that(check: Callable[[Keyset], None], candidates: tuple[Keyset, ...]) -> Keyset | None:
    """The newest keyset under which a signature counts."""
    for keyset in reversed(candidates):
        try:
            check(keyset)
        except SignatureError:
            continue
        return keyset
    return None
