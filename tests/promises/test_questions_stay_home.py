"""Promise 8 against the registry itself: what it claims of its size tells it nothing of the question."""

import hashlib
from functools import partial

import pytest

from priorconsent import bucket, canonical, events, merkle_map, snapshot
from tests import scenario as cast

FILM = f"sha256:{cast.FILM_FILE}"


@pytest.fixture
def leaves():
    shipped = cast.with_shipped_table()
    return shipped | {f"sha256:{hashlib.sha256(b'%d' % n).hexdigest()}": shipped[FILM] for n in range(3000)}


@pytest.fixture
def honest(tmp_path, leaves):
    with snapshot.open_verified(cast.write_snapshot(tmp_path / "s", leaves), cast.trust(), None) as opened:
        yield partial(bucket.of_map, opened)


def claiming(n, buckets, leaves):
    """The same map under a head that signs another number of names."""
    root = merkle_map.root(
        sorted((merkle_map.map_key(name), merkle_map.value_hash(raw)) for name, raw in leaves.items())
    )
    entries = [cast.scenario().events[0]]
    told = {"t": "map-root", "map": 1, "size": 1, "n": n, "fresh_for_s": 86400, "time": cast.BATCH_C}
    entries.append(events.event_of({**told, "root": f"sha256:{root.hex()}"}).encode())
    head = {
        "checkpoint": cast.sign_log(entries).decode(),
        "map_root": canonical.parse(entries[1]),
        "proof": cast.prove(entries, 1).decode(),
    }
    return lambda prefix: canonical.encode(canonical.parse(buckets(prefix), max_bytes=1 << 23) | head)


@pytest.mark.parametrize("n", [1, 10**6, 10**15])
def test_a_registry_that_lies_about_its_size_learns_no_longer_prefix(honest, leaves, n):
    asked = []
    answer = claiming(n, honest, leaves)

    def fetch(prefix):
        asked.append(prefix)
        return answer(prefix)

    assert bucket.BucketStates(fetch, cast.trust()).state(FILM) is not None
    # A random key, and then a prefix under which a crowd of the names that are really there lies.
    random, shown = asked
    assert len(random) == 64
    assert len(shown) <= 4
    assert len(shown) == bucket.MIN_PREFIX_DIGITS or n > 10**5


def test_what_is_claimed_honestly_is_believed(honest, leaves):
    for number in range(200):
        key = hashlib.sha256(b"%d" % number).hexdigest()
        found = bucket.open_bucket(honest(key), key, cast.trust())
        assert bucket.most_names(found.branches) >= len(leaves)
