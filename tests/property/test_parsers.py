"""Every public parser, given any bytes, gives a record or one of our errors, and in time.

``PARSERS`` is held complete by introspection: whoever adds a public function that takes ``raw``, ``text`` or
``value`` has to put it here, or among ``INNER`` with those that never see what comes from outside.
"""

import base64
import importlib
import inspect
import json
import pkgutil
import random
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import priorconsent
from priorconsent import (
    acknowledgements,
    bucket,
    canonical,
    contents,
    current_map,
    events,
    grants,
    head,
    jws,
    keys,
    leaf_file,
    lists,
    names,
    offers,
    query,
    receipts,
    records,
    rights,
    shares,
    snapshot,
    statements,
    states,
    times,
    trust,
)
from priorconsent.ceremony import finishing, plan
from priorconsent.court import acknowledged, adding, bundle, container, receipt_file, receipted, reply, verify
from priorconsent.court.log_at_hand import read_log
from priorconsent.court.published import Folder
from priorconsent.errors import MalformedError, PriorConsentError
from priorconsent.freshness import Seen
from priorconsent.log import checkpoint, cosignature, countersigners, note, opening, policy, proof, spelling, tiles
from priorconsent.monitor import interests, reports
from priorconsent.signing import pbes2, pkcs8, uris
from priorconsent.witness import protocol
from tests import answering, court_world, scenario, witnesses
from tests.scenario import VECTOR
from tests.unit import test_lists, test_receipts
from tests.world import QUESTION

NOW = "2027-03-02T00:00:00Z"
SLOW_S = 2.0

STATES = scenario.scenario().leaves()


def text(parser):
    """A parser of text, given bytes: once as UTF-8 as far as it goes, once with every byte a character."""

    def parse(raw):
        try:
            parser(raw.decode("utf-8", "surrogateescape"))
        except PriorConsentError:
            return parser(raw.decode("latin-1"))
        return None

    return parse


def value(parser):
    """A parser of plain JSON values, given whatever Python's own reader makes of the bytes."""

    def parse(raw):
        try:
            plain = json.loads(raw)
        except (ValueError, RecursionError):
            plain = raw.decode("latin-1")
        return parser(plain)

    return parse


def mapping(parser):
    def parse(plain):
        return parser(plain if isinstance(plain, dict) else {"use": plain})

    return parse


def state(kind):
    """One state of each kind, read under its name."""
    name = next(name for name in STATES if name.startswith(kind))
    return name, STATES[name]


def under_its_name(parser, kind):
    name, _ = state(kind)
    return lambda raw: parser(name, raw)


def in_a_file(parser):
    def parse(raw):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(raw)
            return parser(path)

    return parse


def read_snapshot(path):
    with snapshot.open_verified(path, scenario.trust(), None) as opened:
        return opened.state("work:x")


def read_changes(path):
    with tempfile.TemporaryDirectory() as folder:
        base = scenario.write_snapshot(Path(folder) / "s", {})
        with current_map.CurrentMap(base, scenario.trust()) as whole:
            whole.advance(path)


def good_changes():
    leaves = scenario.scenario().leaves()
    with tempfile.TemporaryDirectory() as folder:
        head = scenario.publish(leaves, padding=1)
        return scenario.write_snapshot(Path(folder) / "s", leaves, **head).read_bytes()


def good_snapshot():
    with tempfile.TemporaryDirectory() as folder:
        return scenario.write_snapshot(Path(folder) / "s").read_bytes()


def good_bucket(prefix="00"):
    with tempfile.TemporaryDirectory() as folder:
        path = scenario.write_snapshot(Path(folder) / "s")
        with snapshot.open_verified(path, scenario.trust(), None) as opened:
            return bucket.of_map(opened, prefix)


def read_published(world):
    with tempfile.TemporaryDirectory() as folder:
        return read_log(Folder(world.publish(Path(folder))), TRUST)


MADE = scenario.scenario()
HEAD = MADE.head()
EVENTS = [MADE.events[pos] for pos in (0, 1, 2, 3, 7, 10, 12, 15, 17, 18, 20)]
STATEMENT = VECTOR["statements"][0]["jws"].encode()
CLAIM = next(one["jws"] for one in VECTOR["statements"] if one["type"] == "claim").encode()
OUTCOMES = canonical.encode({"outcomes": [], "stored": 0, "there": 0, "refused": 0})
KEY_RECORD = next(iter(VECTOR["key_records"].values())).encode()
OFFER = scenario.OFFER.encode()
KEYSET = MADE.blobs[scenario.REGISTRY]
SEEN = Seen(
    v=1, registry=scenario.REGISTRY, size=18, root=canonical.digest(b""), time=NOW, checkpoint="note", fork=None
).encode()
FILES = container.unpack(court_world.granted())
ASKED, ANSWERED = answering.asked_and_withdrawn()
LEAF = next(raw for name, raw in FILES.items() if name.startswith("now/map/"))
TRUST = scenario.trust()
SEEN_BY_ALL = witnesses.cosigned(
    checkpoint.Checkpoint(scenario.ORIGIN, 18, bytes(32)), **dict.fromkeys(witnesses.BY_NAME, NOW)
)
COUNTERSIGNERS = f"witness w {witnesses.WITNESSES[1].key.vkey()} https://w.example/\ngroup g any w\nquorum g\n".encode()
WITNESSED = witnesses.policy("two", policy.Group("two", 2, ("w1", "w2")))

RECEIPT = test_receipts.sign(test_receipts.receipt([test_receipts.leaf()]))
ACKNOWLEDGEMENT = acknowledgements.sign(
    acknowledgements.acknowledge(scenario.REGISTRY, canonical.digest(STATEMENT), NOW),
    scenario.RECEIPT_KEY.jwk.thumbprint,
    scenario.RECEIPT_KEY.sign,
)
LIST = receipts.write_list(canonical.digest(bytes([n])) for n in range(3))
REPLY = canonical.encode({**test_receipts.told(), "receipt": RECEIPT.decode(), "answers": [test_receipts.leaf()]})
LOG = read_published(court_world.honest())
ASKED_LOG = answering.at_hand(ASKED)

PASSPHRASE = b"a passphrase of some length"
KEY_FILE = pkcs8.encode(Ed25519PrivateKey.generate(), PASSPHRASE)
KEY_URIS = [
    b"file:/keys/log.pem",
    b"public:" + b"A" * 43,
    b"pkcs11:token=registry;object=log;type=private?module-path=/lib/p11.so&pin-source=file:/run/pin",
]

VECTOR_PARTY = scenario.STUDIO.encode()
WATCHED = b"# ours\n\nparty " + VECTOR_PARTY + b"\nname host:studio.example\nkey " + scenario.REGISTRY.encode() + b"\n"
REPORT = reports.of_fraud(scenario.REGISTRY, "fork", "two histories", [b"one\n", b"two\n"]).encode()

PLAN = b"""title = "t"
threshold = 1
key_delay_s = 0
root = [{ holder = "h", key = "public:%s" }]
key = [{ use = "log", key = "file:/keys/log.pem", from = "2026-12-01T00:00:00Z" }]
""" % (b"A" * 43)
SIGNATURE_FILE = finishing.sign_apart(scenario.KEYSET, scenario.ROOT_KEY).encode()

# public name → (what reads bytes with it, good samples)
PARSERS = {
    "acknowledgements.SignedAcknowledgement": (acknowledgements.SignedAcknowledgement, [ACKNOWLEDGEMENT]),
    "bucket.open_bucket": (lambda raw: bucket.open_bucket(raw, "00", TRUST), [good_bucket()]),
    "canonical.parse": (canonical.parse, [OFFER, b"[1]", b'"a"']),
    "canonical.parse_canonical": (canonical.parse_canonical, [OFFER]),
    "canonical.from_base64url": (text(canonical.from_base64url), [b"AAAA", b"_-8"]),
    "canonical.check_profile": (value(canonical.check_profile), [OFFER]),
    "canonical.check_sorted": (value(canonical.check_sorted), [OFFER]),
    "contents.is_content": (lambda raw: contents.is_content(scenario.REGISTRY, raw), [KEYSET, OFFER, b"anything"]),
    "court.acknowledged.wanted": (acknowledged.wanted, [ACKNOWLEDGEMENT]),
    "court.acknowledged.wanted (statement)": (lambda raw: acknowledged.wanted(ACKNOWLEDGEMENT, raw), [STATEMENT]),
    "court.acknowledged.check_acknowledgement": (
        lambda raw: acknowledged.check_acknowledgement(raw, LOG, TRUST),
        [ACKNOWLEDGEMENT],
    ),
    "court.receipted.check_receipt": (
        lambda raw: receipted.check_receipt(raw, [test_receipts.leaf()], TRUST, receipted.Shown(log=LOG)),
        [RECEIPT],
    ),
    "court.receipt_file.read_shown": (receipt_file.read_shown, list(bundle.read(ANSWERED).receipts.values())),
    "court.reply.read_answers": (reply.read_answers, [canonical.encode([test_receipts.leaf()])]),
    "court.reply.read_reply": (reply.read_reply, [REPLY]),
    "ceremony.plan.read_plan": (plan.read_plan, [PLAN]),
    "ceremony.finishing.SignatureFile": (finishing.SignatureFile.parse, [SIGNATURE_FILE]),
    "court.adding.add_receipt": (
        lambda raw: adding.add_receipt(raw, answering.reply_of(ASKED), ASKED_LOG, TRUST),
        [ASKED.bundle(20, 24, 18)],
    ),
    "court.bundle.read": (bundle.read, [court_world.granted(), ANSWERED]),
    "court.bundle.read_leaf": (bundle.read_leaf, [LEAF]),
    "court.bundle.read_consistency": (bundle.read_consistency, [b"", b"A" * 43 + b"=\n"]),
    "court.container.unpack": (container.unpack, [court_world.granted()]),
    "court.verify.verify": (lambda raw: verify.verify(raw, TRUST), [court_world.granted(), ANSWERED]),
    "current_map.CurrentMap.advance": (in_a_file(read_changes), [good_changes()]),
    "events.read_event": (events.read_event, EVENTS),
    "events.event_of": (value(events.event_of), EVENTS),
    "freshness.Seen": (Seen.parse, [SEEN]),
    "grants.Token": (grants.Token, [MADE.token]),
    "head.open_head": (lambda raw: head.open_head(raw, HEAD["map_root"], HEAD["proof"], TRUST), [HEAD["checkpoint"]]),
    "head.open_head (map-root)": (
        lambda raw: head.open_head(HEAD["checkpoint"], raw, HEAD["proof"], TRUST),
        [HEAD["map_root"]],
    ),
    "head.open_head (proof)": (
        lambda raw: head.open_head(HEAD["checkpoint"], HEAD["map_root"], raw, TRUST),
        [HEAD["proof"]],
    ),
    "jws.Compact": (jws.Compact, [MADE.token, STATEMENT]),
    "keys.read_key_record": (keys.read_key_record, [KEY_RECORD]),
    "keys.read_keyset": (lambda raw: keys.read_keyset(raw, None), [KEYSET]),
    "keys.payload_of": (keys.payload_of, [KEYSET]),
    "contents.payload_digest_of": (contents.payload_digest_of, [KEYSET]),
    "lists.read_unsigned": (
        lists.read_unsigned,
        [canonical.encode(test_lists.SHARES), canonical.encode(test_lists.CLAIM)],
    ),
    "lists.read_signed": (lists.read_signed, [canonical.encode({"statement": CLAIM.decode()})]),
    "lists.listed": (lists.listed, [CLAIM]),
    "lists.read_outcomes": (lists.read_outcomes, [OUTCOMES]),
    "monitor.interests.read_interests": (interests.read_interests, [WATCHED]),
    "monitor.interests.of_party": (text(interests.of_party), [VECTOR_PARTY]),
    "monitor.interests.of_work": (text(interests.of_work), [VECTOR_PARTY]),
    "monitor.interests.of_name": (
        text(interests.of_name),
        [b"host:studio.example", b"prefix:https://studio.example/a/"],
    ),
    "monitor.interests.of_key": (text(interests.of_key), [scenario.REGISTRY.encode()]),
    "monitor.interests.of_statement": (text(interests.of_statement), [scenario.REGISTRY.encode()]),
    "monitor.reports.read_report": (reports.read_report, [REPORT]),
    "log.checkpoint.Checkpoint.parse": (
        text(checkpoint.Checkpoint.parse),
        [HEAD["checkpoint"].partition(b"\n\n")[0] + b"\n"],
    ),
    "log.cosignature.Cosigner.parse": (
        text(cosignature.Cosigner.parse),
        [witness.key.vkey().encode() for witness in witnesses.WITNESSES[:2]],
    ),
    "log.note.SignatureLine.parse": (text(note.SignatureLine.parse), SEEN_BY_ALL.split(b"\n")[4:6]),
    "log.note.Verifier.parse": (text(note.Verifier.parse), [witnesses.LOG.vkey().encode()]),
    "log.note.open_note": (lambda raw: note.open_note(raw, WITNESSED.keys), [SEEN_BY_ALL]),
    "log.note.read_vkey": (text(note.read_vkey), [witnesses.LOG.vkey().encode()]),
    "log.note.split_note": (note.split_note, [SEEN_BY_ALL]),
    "log.opening.open_checkpoint": (lambda raw: opening.open_checkpoint(raw, WITNESSED), [SEEN_BY_ALL]),
    "log.opening.open_signed": (lambda raw: opening.open_signed(raw, WITNESSED), [SEEN_BY_ALL]),
    "log.note.check_name": (text(note.check_name), [b"log.example/1"]),
    "log.countersigners.Countersigners.parse": (text(countersigners.Countersigners.parse), [COUNTERSIGNERS]),
    "log.policy.read_lines": (text(policy.read_lines), [TRUST.log_policy.encode(), COUNTERSIGNERS]),
    "log.policy.Policy.parse": (text(policy.Policy.parse), [TRUST.log_policy.encode(), WITNESSED.text().encode()]),
    "log.proof.LogProof.parse": (proof.LogProof.parse, [HEAD["proof"]]),
    "log.spelling.from_base64": (text(spelling.from_base64), [b"AAAA", b"/+8="]),
    "log.spelling.from_decimal": (text(spelling.from_decimal), [b"0", b"18", b"9223372036854775807"]),
    "log.spelling.decode_text": (lambda raw: spelling.decode_text(raw, max_bytes=1000), [b"a\nb\n"]),
    "log.spelling.check_controls": (text(spelling.check_controls), [b"a\n"]),
    "log.tiles.decode_entries": (lambda raw: tiles.decode_entries(raw, 2), [b"\x00\x01a\x00\x01b"]),
    "names.of_url": (text(names.of_url), [b"https://a.example/b?c"]),
    "names.check_alias": (text(names.check_alias), [b"prefix:https://a.example/b/", b"id:isbn:1"]),
    "names.canonical_alias": (text(names.canonical_alias), [b"host:A.example"]),
    "offers.read_offer": (offers.read_offer, [OFFER]),
    "query.kind_of": (text(query.kind_of), [b"isan:0000"]),
    "query.parse": (value(mapping(lambda plain: query.parse(plain, now=NOW))), [canonical.encode(QUESTION)]),
    "receipts.SignedReceipt": (receipts.SignedReceipt, [RECEIPT]),
    "receipts.read_leaves": (value(receipts.read_leaves), [canonical.encode([test_receipts.leaf()])]),
    "receipts.read_list": (receipts.read_list, [LIST]),
    "receipts.list_digest": (receipts.list_digest, [LIST]),
    "records.Record.parse": (offers.Offer.parse, [OFFER]),
    "records.convert": (
        value(lambda plain: records.convert(plain, shares.ShareSet)),
        [VECTOR["share_set_docs"]["film"].encode()],
    ),
    "rights.read_rights_table": (rights.read_rights_table, [rights.LATEST.encode()]),
    "shares.ShareSet": (shares.ShareSet.parse, [VECTOR["share_set_docs"]["film"].encode()]),
    "signing.pbes2.check_derivation": (pbes2.check_derivation, [base64.b64decode(KEY_FILE.split(b"-----")[2])]),
    "signing.pkcs8.decode": (lambda raw: pkcs8.decode(raw, PASSPHRASE), [KEY_FILE]),
    "signing.uris.read_uri": (text(uris.read_uri), KEY_URIS),
    "snapshot.open_verified": (in_a_file(read_snapshot), [good_snapshot()]),
    **{
        f"leaf_file.check_state ({kind})": (under_its_name(leaf_file.check_state, kind), [state(kind)[1]])
        for kind in ("work", "grant", "party", "prefix")
    },
    "statements.Signed": (statements.Signed, [STATEMENT]),
    **{
        f"states.read_state ({kind})": (under_its_name(states.read_state, kind), [state(kind)[1]])
        for kind in ("work", "grant", "party", "prefix", "registry")
    },
    "states.kind_of_state": (text(states.kind_of_state), [b"work:x"]),
    "times.parse": (text(times.parse), [b"2026-11-21T00:00:00Z"]),
    "times.plus": (
        text(lambda spelled: times.plus(spelled, 400 * 86400)),
        [b"2026-11-21T00:00:00Z"],
    ),
    "times.to_unix": (text(times.to_unix), [b"2026-11-21T00:00:00Z"]),
    "trust.read_trust": (trust.read_trust, [TRUST.encode()]),
    "witness.protocol.check_url": (
        lambda raw: protocol.check_url(raw.decode(errors="replace")),
        [b"http://[::1]:80/w/"],
    ),
    "witness.protocol.Submission.parse": (
        protocol.Submission.parse,
        [protocol.Submission(5, (bytes(32), bytes(32)), SEEN_BY_ALL).to_bytes()],
    ),
    "witness.protocol.read_lines": (protocol.read_lines, [b"\n".join(SEEN_BY_ALL.split(b"\n")[4:])]),
    "witness.protocol.read_size": (protocol.read_size, [b"0\n", b"9223372036854775807\n"]),
}

# What only ever sees values of our own making.
INNER = {
    "canonical.digest",
    "canonical.digest_bytes",
    "canonical.encode",
    "canonical.tagged_digest",
    "canonical.to_base64url",
    "court.bundle.Stamped",
    "court.html.heading",
    "court.html.paragraph",
    "court.log_steps.check_roots",
    "leaf_file.decode_state",
    "log.note.OpenedNote",
    "log.note.assemble_note",
    "log.note.sign_line",
    "log.note.sign_note",
    "log.spelling.to_base64",
    "merkle_map.leaf_hash",
    "contents.key_id_of",
    "contents.offer_digest_of",
    "vocabulary.at_least",
}
OUTSIDE = {"raw", "text", "value"}


def functions(module):
    """The public functions, constructors and class methods that a module defines."""
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(member):
            yield name, member
        elif inspect.isclass(member):
            yield name, member.__init__
            for inner, method in vars(member).items():
                if isinstance(method, classmethod | staticmethod) and not inner.startswith("_"):
                    yield f"{name}.{inner}", method.__func__


def test_the_list_of_parsers_is_complete():
    found = set()
    for info in pkgutil.walk_packages(priorconsent.__path__, "priorconsent."):
        # The command line has tests of its own: it reads files with the parsers below.
        if info.name.startswith("priorconsent.cli"):
            continue
        module = importlib.import_module(info.name)
        for name, function in functions(module):
            if OUTSIDE & set(inspect.signature(function).parameters):
                found.add(f"{info.name.removeprefix('priorconsent.')}.{name}")
    listed = {name.partition(" ")[0] for name in PARSERS}
    assert found - listed - INNER == set()
    assert found >= INNER


@pytest.mark.parametrize("name", PARSERS)
def test_good_records_are_read(name):
    parser, goods = PARSERS[name]
    for good in goods:
        parser(good)


NASTY = {
    "nothing": b"",
    "white space": b" \n",
    "null": b"null",
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "NaN inside": b'{"v":NaN}',
    "a float": b'{"v":1.0}',
    "a float by exponent": b'{"v":1e0}',
    "a boolean for a number": b'{"v":true}',
    "a big integer": b'{"v":9007199254740992}',
    "a huge integer": b'{"v":' + b"9" * 5000 + b"}",
    "minus zero": b'{"v":-0}',
    "a number with a plus": b'{"v":+1}',
    "duplicate members": b'{"v":1,"v":1}',
    "duplicate members by escape": b'{"v":1,"\\u0076":1}',
    "a lone surrogate": b'{"v":"\\ud800"}',
    "a lone surrogate as a name": b'{"\\udfff":1}',
    "surrogates in bytes": b'"\xed\xa0\x80"',
    "NUL": b'{"v":"\\u0000"}',
    "NUL in bytes": b"\x00" * 40,
    "not UTF-8": b"\xff\xfe{}",
    "UTF-16": '{"v":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not NFC": '{"v":"e\u0301"}'.encode(),
    "deep lists": b"[" * 100_000,
    "deep closed lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "33 lists": b"[" * 34 + b"]" * 34,
    "a comment": b"{}//",
    "single quotes": b"{'v':1}",
    "a trailing comma": b"[1,]",
    "two values": b"{}{}",
    "a huge text": b'"' + b"a" * 2_000_000 + b'"',
    "a million members": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    "only full stops": b"." * 10_000,
    "padded base64": b"AAA=.AAA=.AAA=",
    "standard base64": b"+/+/.+/+/.+/+/",
    "loose bits in base64": b"AB.AB.AB",
    "an empty zip": b"PK\x05\x06" + b"\x00" * 18,
    "a zip that lies": b"PK\x05\x06" + b"\xff" * 18,
    "an SQLite header": b"SQLite format 3\x00" + b"\x00" * 4080,
}


@pytest.mark.parametrize("name", PARSERS)
def test_nasty_bytes_give_a_record_or_our_error(name):
    parser, goods = PARSERS[name]
    for title, raw in NASTY.items():
        begin = time.process_time()
        refuses(parser, raw)
        assert time.process_time() - begin < SLOW_S, title
    for good in goods:
        for spoilt in spoil(good):
            refuses(parser, spoilt)


def refuses(parser, raw):
    try:
        parser(raw)
    except PriorConsentError as error:
        sentence = str(error)
    else:
        return
    # It can be shown, however odd the input was.
    assert len(sentence.encode("utf-8", "surrogatepass")) < 2000


def spoil(good):
    """A good record, cut, doubled, and with other bytes at many places."""
    chance = random.Random(len(good))
    yield from (good[:-1], good[1:], good + b"\n", b" " + good, good + good, good.upper(), good.swapcase())
    yield from (good.replace(b"Z", b"+"), good.replace(b"2026-12-01", b"2026-02-30"), good.replace(b"T00:", b"T24:"))
    yield from (good.replace(b"2026", b"0000"), good.replace(b"2028", b"9999"), good.replace(b":null", b":{}"))
    yield from (good.replace(b"1", b"1.0"), good.replace(b"1", b"true"), good.replace(b"[", b"[[", 1))
    yield from (good.replace(b'"v":1', b'"v":1,"v":1'), good.replace(b'"v":1', b'"extra":1,"v":1'))
    yield from (
        good.replace(b'"', b'"\\ud800', 1),
        good.replace(b'":"', b'":"\xc0\xaf'),
        good.replace(b'":"', b'":"\\u0000'),
    )
    for _ in range(40):
        at = chance.randrange(len(good)) if good else 0
        yield good[:at] + bytes([chance.randrange(256)]) + good[at + 1 :]
        yield good[:at] + good[at + chance.randrange(1, 9) :]


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
).map(lambda plain: json.dumps(plain).encode())
QUICK = [name for name in PARSERS if not name.startswith("snapshot.open")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=60), JSONISH))
@example(b'{"t":[]}')
@example(b'{"t":{}}')
@example(b'{"use":{"a":1}}')
def test_any_bytes_give_a_record_or_our_error(raw):
    for name in QUICK:
        refuses(PARSERS[name][0], raw)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_records_with_any_value_in_any_member_give_a_record_or_our_error(data):
    samples = [*EVENTS, OFFER, KEY_RECORD, VECTOR["share_set_docs"]["film"].encode(), TRUST.encode()]
    plain = json.loads(data.draw(st.sampled_from(samples)))
    member = data.draw(st.sampled_from(sorted(plain)))
    plain[member] = json.loads(data.draw(JSONISH))
    raw = json.dumps(plain).encode()
    for name in QUICK:
        refuses(PARSERS[name][0], raw)
    for name in ("events.event_of", "query.parse", "records.convert"):
        refuses(PARSERS[name][0], raw)


# Every time in every record


TIMES = {
    "2026-02-30T00:00:00Z": False,
    "2026-02-28T24:00:00Z": False,
    "2026-02-28T23:59:60Z": False,
    "2026-13-01T00:00:00Z": False,
    "0000-01-01T00:00:00Z": False,
    "2026-01-01T00:00:00z": False,
    "2026-01-01 00:00:00Z": False,
    "2026-01-01T00:00:00+00:00": False,
    "2026-01-01T00:00:00.000Z": False,
    "2026-W01-1T00:00:00Z": False,
    "２026-01-01T00:00:00Z": False,
    "2026-01-01T00:00:00Z\n": False,
    "02026-01-01T00:00:00Z": False,
    "": False,
    "0001-01-01T00:00:00Z": True,
    "2024-02-29T23:59:59Z": True,
    "9999-12-31T23:59:59Z": True,
}


@pytest.mark.parametrize("spelled", TIMES)
def test_a_time_is_read_only_in_its_one_spelling_wherever_it_stands(spelled):
    for raw in EVENTS:
        plain = {**json.loads(raw), "time": spelled}
        assert accepts(events.event_of, plain) == TIMES[spelled]
    offer = json.loads(OFFER)
    assert accepts(read_plain(offers.Offer), {**offer, "lapse_at": spelled}) == TIMES[spelled]
    assert accepts(read_plain(offers.Offer), {**offer, "valid_from": spelled}) == TIMES[spelled]
    life = json.loads(state("grant")[1])
    life["life"][0]["time"] = spelled
    assert accepts(read_plain(states.GrantState), life) == TIMES[spelled]
    party = json.loads(state("party")[1])
    party["since"] = spelled
    assert accepts(read_plain(states.PartyState), party) == TIMES[spelled]
    assert accepts(times.parse, spelled) == TIMES[spelled]


def read_plain(kind):
    return lambda plain: records.convert(plain, kind)


def accepts(parser, given_):
    try:
        parser(given_)
    except MalformedError:
        return False
    return True


def test_a_sum_beyond_the_calendar_is_our_error():
    for seconds in (1, 2**31, 2**53 - 1, 10**30):
        with pytest.raises(MalformedError):
            times.plus("9999-12-31T23:59:59Z", seconds)
    with pytest.raises(MalformedError):
        times.plus("0001-01-01T00:00:00Z", -1)


CODES = {
    "*": True,
    "train.generative": True,
    "JP": True,
    "ja-Hira": True,
    "": False,
    "a b": False,
    ".a": False,
    "a.": False,
    "a..b": False,
    "a\n": False,
    "**": False,
    "a*": False,
    "ａ": False,
    "é": False,
    "a\x00": False,
    "a" * 101: False,
    "urn:uuid:00000000-0000-4000-8000-000000000001": False,
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_one_form(code):
    plain = {**json.loads(OFFER), "territory": [code]}
    assert accepts(read_plain(offers.Offer), plain) == CODES[code]


@pytest.mark.parametrize("spoilt", [True, False, 1.0, "1", None, -1, 2**53, 1.5, [1]])
def test_only_an_integer_in_range_is_a_count(spoilt):
    plain = {**json.loads(HEAD["map_root"]), "size": spoilt}
    assert not accepts(events.event_of, plain)


@pytest.mark.parametrize("spoilt", [True, 1.0, 2, 0, "1", None])
def test_only_one_is_version_one(spoilt):
    assert not accepts(read_plain(offers.Offer), {**json.loads(OFFER), "v": spoilt})


def test_a_statement_or_token_has_exactly_one_spelling():
    for raw, parser in ((STATEMENT, statements.Signed), (MADE.token, grants.Token)):
        first, second, third = raw.split(b".")
        for spelled in (
            raw + b"=",
            raw + b"\n",
            b" " + raw,
            b".".join((first, second, third[:-1] + bytes([third[-1] + 1]))),
            b".".join((first + b"=", second, third)),
            b".".join((first, second + b"A", third)),
            raw + b".",
            b".".join((first, b"", third)),
        ):
            with pytest.raises(MalformedError):
                parser(spelled)


HEADERS = [
    {"alg": "none"},
    {"alg": "EdDSA"},
    {"alg": "HS256"},
    {"typ": "JWT"},
    {"typ": "prior-consent-keyset+jws"},
    {"kid": None},
    {"crit": ["b64"]},
    {"b64": False},
    {"jwk": {}},
    {"cty": "vc"},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_is_exactly_the_one_of_its_kind(header):
    compact = jws.Compact(STATEMENT)
    changed = {**compact.header, **header}
    raw = jws.sign(changed, compact.payload, scenario.PARTY_KEYS[scenario.STUDIO].sign)
    with pytest.raises(MalformedError):
        statements.Signed(raw)
