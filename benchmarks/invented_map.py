"""A map of any size, made of real records under a real signature; the parties and works are invented.

Of ten names one is a work, seven are its files, two its addresses. Each hundredth work has two holders of its
own; half of the works are licensed, twenty to a grant.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from priorconsent import canonical, merkle_map, names, rights, snapshot, times
from priorconsent.events import MapRoot
from priorconsent.keys import PrivateKey
from priorconsent.leaf_file import Leaf
from priorconsent.log.checkpoint import Checkpoint, sign_checkpoint
from priorconsent.log.note import Verifier
from priorconsent.log.policy import Log, Policy
from priorconsent.log.proof import LogProof
from priorconsent.log.tree import leaf_hash
from priorconsent.offers import Conditions, Licensee, Offer, WithdrawalTerms
from priorconsent.states import (
    AliasState,
    Claim,
    GrantState,
    Holder,
    LifeEntry,
    PartyState,
    RightsTableState,
    State,
    WorkState,
)
from priorconsent.trust import Trust

# ``check`` reads the clock, and refuses an old map.
NOW = times.now()
BEGAN = times.plus(NOW, -150 * 86_400)
ENDS = times.plus(NOW, 365 * 86_400)
ORIGIN = "registry.example/benchmark/1"
FRESH_FOR_S = 86_400

NAMES_A_WORK = 10
FILES_A_WORK = 7
WORKS_A_GRANT = 20
WORKS_A_HOLDER = 100
LOG_KEY = PrivateKey(hashlib.sha256(b"log key of the benchmark").digest())
REGISTRY = canonical.digest(b"registry of the benchmark")


def urn(label: str) -> str:
    """An id, the same in every run."""
    return uuid.uuid5(uuid.NAMESPACE_URL, label).urn


def file_name(work: int, number: int) -> str:
    """The name of a file's digest."""
    return canonical.digest(f"file {number} of work {work}".encode())


VENDOR = urn("vendor")


@dataclass(frozen=True)
class InventedMap:
    """As many names as wanted, give or take a handful.

    Args:
        size: about how many names.
    """

    size: int

    @property
    def works(self) -> int:
        """How many works."""
        return self.size // NAMES_A_WORK

    def leaves(self) -> Iterator[tuple[str, State]]:
        """Names and states in no order."""
        yield names.RIGHTS_TABLE, RightsTableState(version=1, digest=rights.LATEST.digest, pos=2)
        for number in range(self.works):
            yield from _work(number)
            if number % WORKS_A_HOLDER == 0:
                for side in ("first", "second"):
                    yield names.party(_holder(number, side)), PartyState("organisation", None, (), (), BEGAN, 3)
            if number % (2 * WORKS_A_GRANT) == 0:
                yield names.grant(_grant(number)), _grant_state(number, self.works)

    @contextlib.contextmanager
    def ascending(self) -> Iterator[Callable[[], Iterator[Leaf]]]:
        """Names and the bytes of their states, ascending by key, as often as wanted within the block.

        They lie on the disk, so that memory does not grow with them.
        """
        with contextlib.closing(sqlite3.connect("")) as scratch:
            scratch.execute("CREATE TABLE unsorted(key BLOB, name TEXT, state BLOB)")
            rows = ((merkle_map.map_key(name), name, state.encode()) for name, state in self.leaves())
            scratch.executemany("INSERT INTO unsorted VALUES (?, ?, ?)", rows)
            scratch.execute("CREATE TABLE leaves AS SELECT name, state FROM unsorted ORDER BY key")
            scratch.execute("DROP TABLE unsorted")
            yield lambda: scratch.execute("SELECT name, state FROM leaves ORDER BY rowid")

    def write(self, path: Path) -> None:
        """Write the snapshot of these leaves."""
        with self.ascending() as leaves:
            snapshot.build(path, leaves(), registry=REGISTRY, **head(leaves()))


def head(leaves: Iterable[Leaf]) -> dict[str, bytes]:
    """A log whose only entry commits to the map of these leaves, ascending by key."""
    count = 0

    def items() -> Iterator[merkle_map.Item]:
        nonlocal count
        for name, state in leaves:
            count += 1
            yield merkle_map.map_key(name), merkle_map.value_hash(state)

    root = merkle_map.root(items())
    event = MapRoot(time=NOW, map=1, size=0, root=f"sha256:{root.hex()}", n=count, fresh_for_s=FRESH_FOR_S)
    raw = event.encode()
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf_hash(raw)), LOG_KEY.sign, LOG_KEY.jwk.raw)
    return {"checkpoint": note, "map_root": raw, "proof": LogProof(0, (), note).to_bytes()}


@functools.cache
def trust() -> Trust:
    """Whoever reads these maps trusts this."""
    policy = Policy((Log(Verifier(ORIGIN, LOG_KEY.jwk.raw), "https://registry.example/log"),))
    return Trust(
        v=1,
        registry=REGISTRY,
        log_policy=policy.text(),
        roots=(LOG_KEY.jwk.thumbprint,),
        threshold=1,
        tsa_ca=(),
        max_age_s=FRESH_FOR_S,
        key_delay_s=0,
        min_level="E1",
        min_method="passkey",
    )


def _holder(number: int, side: str) -> str:
    return urn(f"{side} holder {number // WORKS_A_HOLDER}")


def _grant(number: int) -> str:
    return urn(f"grant {number // WORKS_A_GRANT}")


def _work(number: int) -> Iterator[tuple[str, State]]:
    work, holder = urn(f"work {number}"), _holder(number, "first")
    holders = sorted((Holder("copyright", _holder(number, side), "E3") for side in ("first", "second")), key=_bytes)
    granted = number // WORKS_A_GRANT % 2 == 0
    yield (
        names.work(work),
        WorkState(
            kind="film",
            party=holder,
            holders=tuple(holders),
            links=(),
            complete=True,
            share_set=canonical.digest(work.encode()),
            disputes=(),
            grants=(_grant(number),) if granted else (),
            since=BEGAN,
            pos=4,
        ),
    )
    claim = AliasState((Claim(work, holder, "E3"),), BEGAN, 5)
    for file in range(FILES_A_WORK):
        yield file_name(number, file), claim
    yield f"url:https://host-{number}.example/works/{number}", claim
    yield f"prefix:https://host-{number}.example/", claim


def _grant_state(number: int, works: int) -> GrantState:
    covered = range(number, min(number + WORKS_A_GRANT, works))
    terms = Offer(
        v=1,
        registry=REGISTRY,
        grant=_grant(number),
        licensee=Licensee(kind="party", party=VENDOR, affiliates=()),
        works=tuple(sorted(urn(f"work {one}") for one in covered)),
        excluded=(),
        rights=("copyright",),
        rights_table=rights.LATEST.digest,
        share_sets=canonical.digest(b"share sets"),
        uses=("train.generative",),
        bindings=("digest", "location"),
        locators=tuple(sorted(f"prefix:https://host-{one}.example/" for one in covered)),
        copies="acquired_after",
        modalities_in=("video",),
        modalities_out=("video",),
        models=("Model-1",),
        distribution=("internal",),
        territory=("JP", "US"),
        valid_from=None,
        valid_until=ENDS,
        withdrawal=WithdrawalTerms(by="any", notice_s=0),
        conditions=Conditions(),
        texts=(),
        supersedes=(),
        lapse_at=BEGAN,
        salt="A" * 22,
    )
    digest = canonical.digest(terms.encode())
    life = (LifeEntry("active", 6, BEGAN, None, None),)
    return GrantState(digest, terms.digest, terms, "key", "E3", None, ENDS, life, 6)


def _bytes(record: Holder) -> bytes:
    return record.encode()
