"""The ceremony of the guide goes as it is written, and what it leaves is what it says."""

from priorconsent.keys import read_keyset
from priorconsent.trust import read_trust
from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_docs import checkout_in, execute
from tests.realservers import free_port


def test_the_guide_to_keys_goes_as_it_is_written(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    checkout = checkout_in(tmp_path / "checkout")
    faults = execute(ROOT / "docs" / "guides" / "keys.md", checkout, work, free_port())
    assert not faults, "\n\n".join(faults)

    trust = read_trust((checkout / "var" / "trust.json").read_bytes())
    first = read_keyset((checkout / "ceremony-1" / "keyset.json").read_bytes(), None)
    second = read_keyset((checkout / "ceremony-2" / "keyset.json").read_bytes(), first)
    assert (trust.registry, trust.threshold, len(trust.roots)) == (first.digest, 2, 3)
    assert [key.use for key in second.keys].count("grant") == 2
    for path in (checkout / "var" / "keys").glob("*.pem"):
        assert b"ENCRYPTED" in path.read_bytes()
    assert not (checkout / "var" / "keys" / "root.pem").exists()
