"""The archive of a bundle has one spelling, and the bundle exactly its files."""

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorconsent.court import bundle, container
from priorconsent.errors import MalformedError
from tests import court_world

FILES = {"README.txt": b"read me", "now/consistency": b"", "texts/" + "a" * 64: b"\x00\xff" * 50}


def zipped(files=FILES, *, compression=zipfile.ZIP_STORED, comment=b"", **info):
    raw = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(raw, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in files.items() if isinstance(files, dict) else files:
            member = zipfile.ZipInfo(name)
            member.compress_type, member.create_system = compression, 3
            member.external_attr = 0o100644 << 16
            for key, value in info.items():
                setattr(member, key, value)
            archive.writestr(member, content)
        archive.comment = comment
    return raw.getvalue()


def with_bytes(raw, at, new):
    return raw[:at] + new + raw[at + len(new) :]


PACKED = container.pack(FILES)
DEFECTS = {
    "deflated": zipped(compression=zipfile.ZIP_DEFLATED),
    "bzip2": zipped(compression=zipfile.ZIP_BZIP2),
    "lzma": zipped(compression=zipfile.ZIP_LZMA),
    "encrypted_flag": with_bytes(PACKED, 6, b"\x01\x00"),
    "other_date": zipped(date_time=(2026, 1, 1, 0, 0, 0)),
    "archive_comment": zipped(comment=b"trust me"),
    "executable": zipped(external_attr=0o100755 << 16),
    "symbolic_link": zipped([("README.txt", b"/etc/passwd")], external_attr=0o120777 << 16),
    "name_twice": zipped([("README.txt", b"one"), ("README.txt", b"two")]),
    "not_sorted": zipped(dict(reversed(FILES.items()))),
    "trailing_byte": PACKED + b"\x00",
    "leading_byte": b"\x00" + PACKED,
    "leading_archive": PACKED + PACKED,
    "cut_in_the_directory": PACKED[:-30],
    "cut_in_a_file": PACKED[:34],
    "cut_in_a_header": PACKED[:20],
    "no_directory": PACKED[: PACKED.index(b"PK\x01\x02")],
    "only_a_directory": PACKED[PACKED.index(b"PK\x01\x02") :],
    "empty": b"",
    "empty_archive": container.pack({}),
    "size_beyond_the_file": with_bytes(PACKED, 18, struct.pack("<II", 2**32 - 1, 2**32 - 1)),
    "sizes_that_differ": with_bytes(PACKED, 18, struct.pack("<I", 3)),
    "name_beyond_the_file": with_bytes(PACKED, 26, b"\xff\xff"),
    "name_not_ascii": with_bytes(PACKED, 30, "é".encode()),
    "check_sum_wrong": with_bytes(PACKED, 14, b"\x00\x00\x00\x00"),
}


def test_the_same_files_make_the_same_bytes_and_come_back():
    assert container.pack(dict(reversed(FILES.items()))) == PACKED
    assert container.unpack(PACKED) == FILES


def test_other_tools_read_the_archive():
    with zipfile.ZipFile(io.BytesIO(PACKED)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


@pytest.mark.parametrize("defect", DEFECTS)
def test_any_other_archive_is_refused(defect):
    with pytest.raises(MalformedError):
        container.unpack(DEFECTS[defect])


def test_every_byte_of_the_archive_counts():
    for at in range(len(PACKED)):
        changed = with_bytes(PACKED, at, bytes([PACKED[at] ^ 1]))
        try:
            files = container.unpack(changed)
        except MalformedError:
            continue
        # A changed name or content with a matching check sum cannot be made by one byte.
        pytest.fail(f"byte {at} went unnoticed: {files.keys()}")


def test_the_budget_counts_all_files_together(monkeypatch):
    monkeypatch.setattr(container, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(MalformedError, match="at most"):
        container.pack({"a": b"x" * 60, "b": b"x" * 60})
    with pytest.raises(MalformedError, match="at most"):
        container.unpack(PACKED)
    monkeypatch.setattr(container, "MAX_MEMBERS", 2)
    with pytest.raises(MalformedError, match="more than 2"):
        container.unpack(PACKED)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bundle_or_refused(raw):
    for candidate in (raw, PACKED[:60] + raw, b"PK\x03\x04" + raw):
        with pytest.raises(MalformedError):
            bundle.read(candidate)


@given(st.dictionaries(st.from_regex(r"[a-z/.]{1,12}", fullmatch=True), st.binary(max_size=50), min_size=1))
def test_what_is_packed_is_unpacked(files):
    assert container.unpack(container.pack(files)) == files


@pytest.mark.parametrize(
    "name",
    ["../trust.json", "/etc/passwd", "statements/../x", "statements/" + "A" * 64, "statements/" + "a" * 63, "texts/",
     "keysets/01.json", "keysets/0.json", "now/map/x.json", "README.txt ", "trust.json", "grant/token.jwt/x", "tsr/x",
     "receipts/x.json", "receipts/" + "a" * 64],
)  # fmt: skip
def test_a_file_that_is_not_listed_has_no_place(name):
    raw = container.pack({**container.unpack(court_world.granted()), name: b""})
    with pytest.raises(MalformedError, match="has no place"):
        bundle.read(raw)


def test_all_that_is_missing_is_named():
    files = container.unpack(court_world.granted())
    del files["first/proof"], files["now/consistency"]
    with pytest.raises(MalformedError, match=r"first/proof is missing; now/consistency is missing"):
        bundle.read(container.pack(files))


def test_a_file_named_by_its_digest_has_it():
    files = container.unpack(court_world.granted())
    folders = {name.rpartition("/")[0]: name for name in files if name.rpartition("/")[0] in bundle._NAMED_BY}
    assert folders.keys() >= {"statements", "keys", "share-sets", "now/map"}
    for folder in ("statements", "keys", "share-sets", "now/map"):
        one, other = [name for name in files if name.startswith(f"{folder}/")][:2]
        with pytest.raises(MalformedError, match="digest in its name"):
            bundle.read(container.pack({**files, one: files[other]}))


def test_a_bundle_is_the_same_whenever_it_is_built():
    world = court_world.honest()
    assert world.bundle(20, 22) == world.bundle(20, 22)


@pytest.mark.parametrize("raw", [b"A" * 43 + b"=", b"\n", (b"A" * 43 + b"=\n") * 64, b"A" * 43 + b"=\r\n"])
def test_a_proof_of_consistency_has_one_spelling(raw):
    with pytest.raises(MalformedError):
        bundle.read_consistency(raw)


def test_a_proof_of_consistency_comes_back():
    hashes = [bytes([number]) * 32 for number in range(63)]
    assert bundle.read_consistency(bundle.write_consistency(hashes)) == hashes
