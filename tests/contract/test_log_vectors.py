"""Published vectors of the log's formats: RFC 9162 trees, C2SP notes, tiles."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from priorconsent.errors import SignatureError
from priorconsent.log import note, tiles, tree

# The eight leaves and their roots that Certificate Transparency implementations test with.
CT_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

# The example of the signed-note specification.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

# The example of the Go package that the format comes from.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    f"{GO_TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size):
    leaves = [tree.leaf_hash(entry) for entry in CT_ENTRIES[:size]]
    assert tree.root(leaves).hex() == CT_ROOTS[size]
    assert tree.tree_root(size, tree.Appended(leaves)).hex() == CT_ROOTS[size]


def test_the_example_note_opens_and_its_key_is_spelled_as_published():
    verifier = note.Verifier.parse(EXAMPLE_KEY)
    opened = note.open_note(EXAMPLE_NOTE, [verifier])
    assert (opened.text, [key for key, _ in opened.signed]) == ("This is an example message.\n", [verifier])
    assert verifier.vkey() == EXAMPLE_KEY


def test_the_example_note_with_another_text_is_refused():
    with pytest.raises(SignatureError):
        note.open_note(EXAMPLE_NOTE.replace(b"an example", b"no example"), [note.Verifier.parse(EXAMPLE_KEY)])


def test_signing_the_text_of_go_gives_the_note_of_go():
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GO_SIGNER.split("+", 4)[4])[1:])
    signed = note.sign_note(GO_TEXT, "PeterNeumann", key.sign, key.public_key().public_bytes_raw())
    assert signed == GO_NOTE
    assert note.open_note(GO_NOTE, [note.Verifier.parse(GO_KEY)]).text == GO_TEXT


def test_a_log_of_70000_leaves_has_the_tiles_of_the_specification():
    paths = [tile.path for tile in tiles.tiles_to_write(0, 70_000)]
    assert paths[:2] == ["tile/entries/000", "tile/entries/001"]
    assert [path for path in paths if path.endswith(("273.p/112", "272"))] == [
        "tile/entries/272", "tile/entries/273.p/112", "tile/0/272", "tile/0/273.p/112",
    ]  # fmt: skip
    assert paths[-3:] == ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert len(paths) == 2 * 274 + 3


def test_tile_paths_group_their_digits_by_three():
    assert tiles.tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tiles.entries_path(1_234_067, 8) == "tile/entries/x001/x234/067.p/8"
    assert tiles.tile_path(3, 7, 1) == "tile/3/007.p/1"


def test_key_ids_begin_the_hash_of_name_type_and_key():
    verifier = note.Verifier.parse(EXAMPLE_KEY)
    assert verifier.key_id == hashlib.sha256(b"example.com/foo\n\x01" + verifier.public_key).digest()[:4]
