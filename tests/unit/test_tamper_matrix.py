"""Every field of a bundle changed in every simple way, and 500 random bytes: nothing of it verifies.

The attacker has the whole bundle but no key: names files by their new digests, makes README, certificate and
manifest anew, and packs the archive as a registry would.
"""

import base64
import functools
import json
import random
import time
from itertools import chain

import pytest

from priorconsent import canonical, times
from priorconsent.court import bundle, papers
from priorconsent.court.container import unpack
from priorconsent.court.verify import verify
from priorconsent.errors import PriorConsentError
from priorconsent.log.checkpoint import Checkpoint
from priorconsent.log.note import split_note
from priorconsent.log.policy import Group
from priorconsent.log.proof import LogProof
from tests import scenario as cast
from tests.answering import asked_and_withdrawn, bundled, reply_of
from tests.court_world import repack
from tests.tsa import make_authority
from tests.witnesses import cosigned, policy

BUDGET_S = 60
RANDOM_BYTES = 500
SEEN_BY = times.plus(cast.BATCH_B, 60)
PAPERS = {*papers.NAMES, papers.MANIFEST}
POLICY = policy("both", Group("both", 2, ("own", "w1")))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def trust(authority):
    return cast.trust(log_policy=POLICY.text(), tsa_ca=(authority.root,))


@pytest.fixture(scope="module")
def whole(authority):
    """A bundle with everything that one may hold: both signatures of the log, a witness, a time-stamp, a receipt."""
    world, _ = asked_and_withdrawn()
    stamped = world.stamped(20, 20, lambda text: authority.stamp(text, times.parse(SEEN_BY)))
    raw = bundled(world, 20, reply_of(world), stamped=stamped)
    heads = {"first/proof": cast.BATCH_B, "first/map-root-proof": cast.BATCH_B, "now/map-root-proof": cast.BATCH_C}
    return repack(raw, {name: countersigned(unpack(raw)[name], at) for name, at in heads.items()})


def countersigned(raw, at):
    proof = LogProof.parse(raw)
    text, _ = split_note(proof.checkpoint)
    return LogProof(proof.index, proof.path, note_of(text, at)).to_bytes()


@functools.cache
def note_of(text, at):
    # Kept, because ML-DSA signs differently each time, and two proofs are under one note.
    return cosigned(Checkpoint.parse(text), own=at, w1=times.plus(at, 5))


# What an attacker may write in the place of a file


def versions(name, raw):
    """Other contents for a file, each with a word on what was changed."""
    if name.endswith((".jwt",)) or name.startswith("statements/"):
        yield from compact(raw)
    elif name.startswith("keysets/"):
        yield from keyset(raw)
    elif name.startswith("receipts/"):
        told = canonical.parse(raw)
        yield from ((where, encode(value)) for where, value in changed(told))
        for where, signed in compact(told["receipt"].encode()):
            yield f"receipt {where}", encode({**told, "receipt": signed.decode()})
    elif name.endswith(".json"):
        yield from ((where, encode(value)) for where, value in changed(canonical.parse(raw)))
    elif not name.endswith(".tsr"):
        yield from lines(raw)


def compact(raw):
    header, payload, signature = raw.split(b".")
    for where, value in changed(json.loads(decode64(header))):
        yield f"header{where}", b".".join([encode64(encode(value)), payload, signature])
    for where, value in changed(json.loads(decode64(payload))):
        yield f"payload{where}", b".".join([header, encode64(encode(value)), signature])
    yield "no signature", b".".join([header, payload, b""])


def keyset(raw):
    whole = json.loads(raw)
    for where, value in changed(json.loads(decode64(whole["payload"].encode()))):
        yield f"payload{where}", encode({**whole, "payload": encode64(encode(value)).decode()})
    yield from ((where, encode(value)) for where, value in changed(whole))


def lines(raw):
    rows = raw.split(b"\n")
    for number, row in enumerate(rows[:-1]):
        yield f"line {number} gone", b"\n".join(rows[:number] + rows[number + 1 :])
        yield f"line {number} twice", b"\n".join([*rows[:number], row, *rows[number:]])
        yield f"line {number} longer", b"\n".join([*rows[:number], row + b"A", *rows[number + 1 :]])


def changed(value, where=""):
    """A JSON value with one place changed, for every place and every way that fits it."""
    if isinstance(value, dict):
        yield f"{where} one member more", {**value, "x": 1}
        for name, inner in value.items():
            rest = {key: one for key, one in value.items() if key != name}
            yield f"{where}/{name} gone", rest
            yield from ((path, {**value, name: other}) for path, other in changed(inner, f"{where}/{name}"))
    elif isinstance(value, list):
        yield f"{where} one item more", [*value, value[0] if value else "x"]
        for number, inner in enumerate(value):
            yield f"{where}/{number} gone", value[:number] + value[number + 1 :]
            for path, other in changed(inner, f"{where}/{number}"):
                yield path, [*value[:number], other, *value[number + 1 :]]
    else:
        yield from ((f"{where} → {other!r}", other) for other in others(value))


def others(value):
    if value is None:
        return ["x", 1]
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int):
        return [value + 1, None]
    flipped = chr(ord(value[-1]) ^ 1) if value else "x"
    return [value[:-1] + flipped, value + "0", None]


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def encode64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode64(raw):
    return base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))


def forged(raw, name, content):
    """The bundle with other content in a file, which gets the name that the content asks for."""
    naming = bundle._NAMED_BY.get(name.rpartition("/")[0])
    stem = naming(content) if naming else None
    renamed = name.replace(name.rpartition("/")[2].removesuffix(".json"), stem) if stem else name
    changes = {name: None, renamed: content}
    if name in PAPERS:
        return repack(raw, changes, renew=False)
    try:
        return repack(raw, changes)
    except (PriorConsentError, ValueError, KeyError):
        # Nobody could make papers for this; the old ones stay.
        return repack(raw, changes, renew=False)


def is_believed(raw, trust):
    return verify(raw, trust, at=cast.BATCH_C).outcome == "valid"


def test_the_bundle_as_it_is_verifies(whole, trust):
    assert is_believed(whole, trust)


def test_no_field_can_be_changed(whole, trust):
    begin = time.process_time()
    files = unpack(whole)
    cases = list(chain.from_iterable(((name, *one) for one in versions(name, raw)) for name, raw in files.items()))
    believed = [
        (name, where)
        for name, where, content in cases
        if content != files[name] and is_believed(forged(whole, name, content), trust)
    ]
    assert believed == []
    assert len(cases) > 1000
    assert time.process_time() - begin < BUDGET_S


def test_no_random_byte_can_be_changed(whole, trust):
    files = {name: raw for name, raw in unpack(whole).items() if raw}
    random_bytes = random.Random(20261122)
    believed = []
    for _ in range(RANDOM_BYTES):
        name = random_bytes.choice(sorted(files))
        place, bit = random_bytes.randrange(len(files[name])), 1 << random_bytes.randrange(8)
        content = bytearray(files[name])
        content[place] ^= bit
        if is_believed(forged(whole, name, bytes(content)), trust):
            believed.append((name, place, bit))
    # What an authority did not sign of its answer may change; the token in it stays what it is.
    assert [case for case in believed if not case[0].endswith(".tsr")] == []


def test_no_random_byte_of_the_archive_can_be_changed(whole, trust):
    random_bytes = random.Random(7)
    for _ in range(RANDOM_BYTES):
        raw = bytearray(whole)
        raw[random_bytes.randrange(len(raw))] ^= 1 << random_bytes.randrange(8)
        assert not is_believed(bytes(raw), trust)


def test_no_file_can_be_left_out(whole, trust):
    for name in unpack(whole):
        try:
            raw = repack(whole, {name: None})
        except (PriorConsentError, ValueError, KeyError):
            raw = repack(whole, {name: None}, renew=False)
        # Nobody has to show a receipt: without it the bundle says less, and nothing false.
        if name not in PAPERS and not name.startswith("receipts/"):
            assert not is_believed(raw, trust), name
