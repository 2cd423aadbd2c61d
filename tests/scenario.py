"""Scenario 1 with real signatures: the cast, the log and the maps that formats and vectors agree on.

Everything is built by the library from the inputs of ``vectors/scenario-1.md``; only the states of
the maps are read from the vector. ``tests/contract/test_scenario.py`` holds all of it against the vector.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from priorconsent import canonical, events, grants, merkle_map, snapshot, times
from priorconsent.keys import KeyRecord, Keyset, PrivateKey, RegistryKey, sign_keyset
from priorconsent.log import note, policy, tree
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.proof import LogProof
from priorconsent.offers import Conditions, Licensee, Offer, WithdrawalTerms
from priorconsent.rights import LATEST
from priorconsent.shares import Link, Share, ShareSet
from priorconsent.statements import NARROWING, WITHOUT_BODY, Statement, body_of
from priorconsent.statements import sign as sign_statement
from priorconsent.trust import Trust

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "scenario-1.json").read_bytes())

ORIGIN = "log.registry.example/1"
BATCH_A, BATCH_B, BATCH_C = "2026-12-01T00:00:00Z", "2026-12-10T12:00:00Z", "2027-03-01T00:00:00Z"
# Number of leaves of the checkpoint after each batch.
SIZES = {"A": 18, "B": 20, "C": 22}

STUDIO, PUBLISHER, VENDOR, STRANGER = (f"urn:uuid:00000000-0000-4000-8000-{n:012x}" for n in range(1, 5))
MANGA, FILM = (f"urn:uuid:00000000-0000-4000-8000-0000000000a{n}" for n in (1, 2))
GRANT = "urn:uuid:00000000-0000-7000-8000-0000000000f1"
RIGHTS_TABLE = b"rights-table-1"
FILM_FILE = hashlib.sha256(b"film-file").hexdigest()
FILM_PREFIX = "prefix:https://studio.example/film/"

# The question of the vector's decision 1, which scenario-1.md calls the default.
QUESTION = {
    "sha256": FILM_FILE,
    "use": "train.generative.pretrain",
    "vendor": VENDOR,
    "modality": "video",
    "model": "A-Video",
    "distribution": "internal",
    "territory": "JP",
    "at": "2026-12-11T00:00:00Z",
}


def key(seed: str) -> PrivateKey:
    """The private key that the scenario names by its seed."""
    return PrivateKey(hashlib.sha256(seed.encode()).digest())


def salt(text: str) -> str:
    """A salt or nonce that the scenario names by its text."""
    return canonical.to_base64url(hashlib.sha256(text.encode()).digest()[:16])


ROOT_KEY, LOG_KEY, GRANT_KEY, RECEIPT_KEY = (key(seed) for seed in ("root-1", "log-1", "grant-1", "receipt-1"))
PARTY_KEYS = {STUDIO: key("studio-key"), PUBLISHER: key("publisher-key"), VENDOR: key("vendor-key")}
NAMES = {STUDIO: "studio", PUBLISHER: "publisher", VENDOR: "vendor"}

KEYSET = Keyset(
    v=1,
    registry=None,
    version=1,
    previous=None,
    threshold=1,
    roots=(ROOT_KEY.jwk,),
    keys=tuple(
        sorted(
            (
                RegistryKey(jwk=one.jwk, use=use, from_=BATCH_A, until=None)  # type: ignore[arg-type]
                for one, use in ((LOG_KEY, "log"), (GRANT_KEY, "grant"), (RECEIPT_KEY, "receipt"))
            ),
            key=lambda one: one.encode(),
        )
    ),
    key_delay_s=0,
)
REGISTRY = KEYSET.registry_id

KEY_RECORDS = {
    party: KeyRecord(
        v=1, registry=REGISTRY, party=party, method="key", jwk=one.jwk, salt=salt(f"{NAMES[party]}-salt"), passkey=None
    )
    for party, one in PARTY_KEYS.items()
}


def _share_set(work: str, holder: str, links: tuple[Link, ...], name: str) -> ShareSet:
    return ShareSet(
        v=1,
        registry=REGISTRY,
        work=work,
        version=1,
        previous=None,
        shares=(Share(right="copyright", party=holder),),
        links=links,
        complete=True,
        salt=salt(name),
    )


SHARE_SETS = {
    MANGA: _share_set(MANGA, PUBLISHER, (), "manga-set"),
    FILM: _share_set(FILM, STUDIO, (Link(rel="based_on", work=MANGA),), "film-set"),
}

OFFER = Offer(
    v=1,
    registry=REGISTRY,
    grant=GRANT,
    licensee=Licensee(kind="party", party=VENDOR, affiliates=()),
    works=(FILM,),
    excluded=(),
    rights=("copyright",),
    rights_table=canonical.digest(RIGHTS_TABLE),
    share_sets=canonical.digest(canonical.encode([[work, SHARE_SETS[work].digest] for work in (MANGA, FILM)])),
    uses=("train.generative",),
    bindings=("digest", "location"),
    locators=(FILM_PREFIX,),
    copies="acquired_after",
    modalities_in=("video",),
    modalities_out=("video",),
    models=("A-Video",),
    distribution=("internal",),
    territory=("JP", "US"),
    valid_from=None,
    valid_until="2028-01-01T00:00:00Z",
    withdrawal=WithdrawalTerms(by="any", notice_s=0),
    conditions=Conditions(),
    texts=(),
    supersedes=(),
    lapse_at="2027-02-01T00:00:00Z",
    salt=salt("offer-1"),
)


@dataclass
class Scenario:
    """The log of scenario 1 with all that stands beside it.

    Args:
        events: leaves of the log, canonical bytes, by position.
        evidence: statements, key records and share-set documents by evidence digest, key id, digest.
        blobs: offer by offer digest, token by grant digest, keyset by payload digest, rights table.
        statements: evidence digest of each statement, by position of the citing event.
    """

    events: list[bytes] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    statements: dict[int, list[str]] = field(default_factory=dict)
    token: bytes = b""

    def leaves(self, batch: str = "C") -> dict[str, bytes]:
        """Names and canonical states of a map."""
        return {name: state.encode() for name, state in VECTOR["maps"][batch]["leaves"].items()}

    def checkpoint(self, batch: str = "C") -> bytes:
        """The signed checkpoint after a batch."""
        return sign_log(self.events[: SIZES[batch]])

    def proof(self, index: int, batch: str = "C") -> bytes:
        """The inclusion of an event, as a tlog-proof file."""
        return prove(self.events[: SIZES[batch]], index)

    def map_root(self, batch: str = "C") -> bytes:
        """The last leaf of the checkpoint."""
        return self.events[SIZES[batch] - 1]

    def head(self, batch: str = "C") -> dict[str, bytes]:
        """What a snapshot or bucket says about the checkpoint it belongs to."""
        return {
            "checkpoint": self.checkpoint(batch),
            "map_root": self.map_root(batch),
            "proof": self.proof(SIZES[batch] - 1, batch),
        }


def sign_log(entries: list[bytes], origin: str = ORIGIN, signer: PrivateKey = LOG_KEY) -> bytes:
    """A checkpoint over these leaves."""
    root = tree.root(map(tree.leaf_hash, entries))
    return sign_checkpoint(Checkpoint(origin, len(entries), root), signer.sign, signer.jwk.raw)


def prove(entries: list[bytes], index: int, origin: str = ORIGIN, signer: PrivateKey = LOG_KEY) -> bytes:
    """The inclusion of one of these leaves under their checkpoint."""
    nodes = tree.Appended([tree.leaf_hash(entry) for entry in entries])
    path = tree.inclusion_proof(index, len(entries), nodes)
    return LogProof(index, tuple(path), sign_log(entries, origin, signer)).to_bytes()


def trust(**changes: Any) -> Trust:
    """What an auditor or vendor trusts: this registry and its log, without witnesses."""
    verifier = note.Verifier(ORIGIN, LOG_KEY.jwk.raw)
    members = {
        "v": 1,
        "registry": REGISTRY,
        "log_policy": policy.Policy((policy.Log(verifier),)).text(),
        "roots": (ROOT_KEY.jwk.thumbprint,),
        "threshold": 1,
        "tsa_ca": (),
        "max_age_s": 86400,
        "key_delay_s": 0,
        "min_level": "E1",
        "min_method": "passkey",
    }
    return Trust(**{**members, **changes})


def sign(kind: str, party: str, subject: str, body: dict[str, Any], *, at: str, nonce: str) -> bytes:
    """A statement as scenario-1.md fixes it, one hour before its event."""
    at = times.plus(at, -3600)
    statement = Statement(
        v=1,
        type=kind,  # type: ignore[arg-type]
        registry=REGISTRY,
        party=party,
        by=party,
        key=KEY_RECORDS[party].key_id,
        subject=subject,
        decision="approve" if kind in {"approval", "acceptance"} else None,
        rights=("copyright",) if kind == "approval" else (),
        shown=None,
        at=at,
        not_after=None if kind in NARROWING else times.plus(at, 86400),
        nonce=salt(nonce),
        body=body,
    )
    return sign_statement(statement, PARTY_KEYS[party])


@functools.cache
def scenario() -> Scenario:
    """The whole scenario; built once, and not to be changed by those who borrow it."""
    made = Scenario()
    made.blobs[REGISTRY] = sign_keyset(KEYSET, [ROOT_KEY])
    made.blobs[OFFER.rights_table] = RIGHTS_TABLE
    made.blobs[OFFER.digest] = OFFER.encode()
    made.evidence |= {record.key_id: record.encode() for record in KEY_RECORDS.values()}
    made.evidence |= {shares.digest: shares.encode() for shares in SHARE_SETS.values()}
    for draft in _batch_a():
        _log(made, draft, BATCH_A)
    _log(made, _map_root(made, "A"), BATCH_A)
    _log(made, _grant(made), BATCH_B)
    _log(made, _map_root(made, "B"), BATCH_B)
    withdrawal = {"t": "withdraw", "grant": GRANT, "parties": [STUDIO], "ends_at": BATCH_C}
    _log(made, {**withdrawal, "_signed": ("withdrawal", STUDIO, canonical.digest(made.token))}, BATCH_C)
    _log(made, _map_root(made, "C"), BATCH_C)
    return made


def _batch_a() -> Iterator[dict[str, Any]]:
    yield {"t": "log-open", "format": 1, "origin": ORIGIN, "registry": REGISTRY, "keyset": REGISTRY}
    yield {"t": "keyset", "version": 1, "digest": REGISTRY}
    yield {"t": "rights-table", "version": 1, "digest": OFFER.rights_table}
    for party in (STUDIO, PUBLISHER, VENDOR, STRANGER):
        kind = "organisation" if party in {STUDIO, PUBLISHER} else "ai_vendor"
        yield {"t": "party", "party": party, "kind": kind, "members": None}
    for party, record in KEY_RECORDS.items():
        bound = {"t": "party-key", "party": party, "key": record.key_id, "method": "key", "bound_by": None}
        yield {**bound, "counts_from": BATCH_A, "_signed": ("key", party, None)}
    for work, kind, party in ((MANGA, "manga", PUBLISHER), (FILM, "film", STUDIO)):
        yield {"t": "work", "work": work, "kind": kind, "party": party, "_signed": ("claim", party, None)}
    for name in (f"sha256:{FILM_FILE}", FILM_PREFIX, "host:studio.example"):
        alias = {"t": "alias", "name": name, "work": FILM, "party": STUDIO, "level": "E3", "ended": False}
        yield {**alias, "_signed": ("claim", STUDIO, None)}
    for shares in SHARE_SETS.values():
        document = shares.to_json()
        yield {
            "t": "share-set",
            **{name: document[name] for name in ("work", "version", "previous", "links", "complete")},
            "digest": shares.digest,
            "holders": [{**share, "level": "E3"} for share in document["shares"]],
            "_signed": ("shares", shares.shares[0].party, None),
        }


def _log(made: Scenario, draft: dict[str, Any], time: str) -> None:
    """Sign what the draft asks for, and append the event."""
    signed = draft.pop("_signed", None)
    event = {**draft, "time": time}
    if signed is not None:
        kind, party, subject = signed
        body = {} if kind in WITHOUT_BODY else body_of(event)
        digest = _state(made, kind, party, subject or canonical.digest(canonical.encode(body)), body, time)
        event |= {"statement": digest} if event["t"] in {"work", "alias"} else {"statements": [digest]}
    made.events.append(events.event_of(json.loads(canonical.encode(event))).encode())


def _state(made: Scenario, kind: str, party: str, subject: str, body: dict[str, Any], time: str) -> str:
    pos = len(made.events)
    raw = sign(kind, party, subject, body, at=time, nonce=f"n-{pos}-{party[-1]}")
    digest = canonical.digest(raw)
    made.evidence[digest] = raw
    made.statements.setdefault(pos, []).append(digest)
    return digest


def _grant(made: Scenario) -> dict[str, Any]:
    signers = (("approval", STUDIO), ("approval", PUBLISHER), ("acceptance", VENDOR))
    cited = [
        grants.Evidence(type=kind, digest=_state(made, kind, party, OFFER.digest, {}, BATCH_B))  # type: ignore[arg-type]
        for kind, party in signers
    ]
    made.token = grants.sign(grants.credential(OFFER, cited), GRANT_KEY.jwk.thumbprint, GRANT_KEY.sign)
    digest = canonical.digest(made.token)
    made.blobs[digest] = made.token
    return {
        "t": "grant",
        "grant": GRANT,
        "digest": digest,
        "offer": OFFER.digest,
        "works": list(OFFER.works),
        "valid_from": None,
        "valid_until": OFFER.valid_until,
        "method": "key",
        "level": "E3",
    }


def _map_root(made: Scenario, batch: str) -> dict[str, Any]:
    state = VECTOR["maps"][batch]
    size = len(made.events)
    return {"t": "map-root", "map": 1, "size": size, "root": state["root"], "n": state["n"], "fresh_for_s": 86400}


def publish(leaves: Mapping[str, bytes], *, time: str = BATCH_C, padding: int = 0) -> dict[str, bytes]:
    """A head for any map: a log of ``padding`` other events and the map-root, signed by the log's key."""
    items = sorted((merkle_map.map_key(name), merkle_map.value_hash(state)) for name, state in leaves.items())
    entries = [*scenario().events[:1], *scenario().events[1:2] * padding]
    draft = {"t": "map-root", "map": 1, "size": len(entries), "n": len(items), "fresh_for_s": 86400, "time": time}
    entries.append(events.event_of({**draft, "root": "sha256:" + merkle_map.root(items).hex()}).encode())
    return {"checkpoint": sign_log(entries), "map_root": entries[-1], "proof": prove(entries, len(entries) - 1)}


def with_shipped_table(batch: str = "B") -> dict[str, bytes]:
    """A map of the scenario whose grant pins the rights table that the library ships."""
    leaves = scenario().leaves(batch)
    name = f"grant:{GRANT}"
    state = msgspec.json.decode(leaves[name])
    state["terms"]["rights_table"] = LATEST.digest
    return {**leaves, name: canonical.encode(state)}


def write_snapshot(path: Path, leaves: Mapping[str, bytes] | None = None, /, **changes: Any) -> Path:
    """A snapshot file of some leaves; without any, of map C of the scenario."""
    head = scenario().head() if leaves is None else publish(leaves)
    chosen = scenario().leaves() if leaves is None else leaves
    snapshot.build(path, chosen.items(), **{"registry": REGISTRY, **head, **changes})
    return path


def recent(batch: str = "B") -> dict[str, bytes]:
    """The same map a year earlier and for long, so that the wall clock finds its grant in force."""
    years = ((b"2026-", b"2025-"), (b"2027-", b"2026-"), (b"2028-", b"9000-"))
    leaves = with_shipped_table(batch)
    for old, new in years:
        leaves = {name: state.replace(b'"' + old, b'"' + new) for name, state in leaves.items()}
    return leaves
