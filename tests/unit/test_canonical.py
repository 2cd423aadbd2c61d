"""The profile of JSON: what is refused, and how it is written."""

import pytest

from priorconsent import canonical
from priorconsent.errors import MalformedError

REFUSED = {
    "a float": b'{"a":1.5}',
    "a float without a fraction": b"1.0",
    "an exponent": b"1e3",
    "not a number": b"[NaN]",
    "infinity": b"[-Infinity]",
    "minus zero": b"-0",
    "an integer beyond 2^53-1": b"9007199254740992",
    "an integer below -(2^53-1)": b"-9007199254740992",
    "a million digits": b"1" * 1_000_000,
    "a duplicate member": b'{"a":1,"a":2}',
    "a duplicate member in another spelling": b'{"a":1,"\\u0061":2}',
    "a member name beyond ASCII": '{"é":1}'.encode(),
    "a lone surrogate": b'"\\ud800"',
    "a lone surrogate in a member name": b'{"\\udc00":1}',
    "text not in NFC": '"A\u030a"'.encode(),
    "bytes that are not UTF-8": b'"\xff"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "UTF-16": '"a"'.encode("utf-16"),
    "a control character in text": b'"\x01"',
    "a single quote": b"'a'",
    "a comment": b"1//",
    "a final comma": b"[1,]",
    "two values": b"1 1",
    "nothing": b"",
    "33 lists in each other": b"[" * 34 + b"]" * 34,
    "100000 lists in each other": b"[" * 100_000,
    "100000 objects in each other": b'{"a":' * 100_000,
}

NOT_CANONICAL = {
    "a space": b'{"a": 1}',
    "a final newline": b'{"a":1}\n',
    "members out of order": b'{"b":1,"a":1}',
    "an escape that is not needed": b'"\\u0061"',
    "an escape in capitals": b'"\\u001F"',
    "an escaped slash": b'"\\/"',
    "a list out of order": b'["b","a"]',
    "a duplicate in a list": b'["a","a"]',
    "a list out of order further in": b'{"a":[{"b":[2,1]}]}',
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_outside_the_profile_nothing_is_read(raw):
    with pytest.raises(MalformedError):
        canonical.parse(raw)


@pytest.mark.parametrize("raw", NOT_CANONICAL.values(), ids=NOT_CANONICAL.keys())
def test_another_spelling_is_no_canonical_record(raw):
    canonical.parse(raw)
    with pytest.raises(MalformedError):
        canonical.parse_canonical(raw)


@pytest.mark.parametrize("raw", [b"9007199254740991", b"-9007199254740991", b"[" * 33 + b"]" * 33])
def test_the_limits_themselves_are_inside(raw):
    assert canonical.encode(canonical.parse(raw)) == raw


def test_more_bytes_than_the_caller_allows_are_not_read():
    assert canonical.parse(b'"abc"', max_bytes=5) == "abc"
    with pytest.raises(MalformedError, match="at most 4"):
        canonical.parse(b'"abc"', max_bytes=4)


def test_the_pointer_says_where():
    with pytest.raises(MalformedError) as caught:
        canonical.parse(b'{"a":[1,{"b/c~d":9007199254740992}]}')
    assert caught.value.pointer == "/a/1/b~1c~0d"


def test_lists_with_a_meaning_keep_their_order():
    raw = b'{"@context":["b","a"],"leaves":[2,1],"life":["z","a"],"siblings":["b","a"],"type":["b","a"]}'
    assert canonical.encode(canonical.parse_canonical(raw)) == raw


def test_a_set_inside_an_ordered_list_is_still_a_set():
    with pytest.raises(MalformedError):
        canonical.parse_canonical(b'{"life":[["b","a"]]}')


def test_strings_sort_by_bytes_and_objects_by_canonical_bytes():
    assert canonical.sorted_set(["ｱ", "😀", "a", "B"]) == ["B", "a", "ｱ", "😀"]
    assert canonical.sorted_set([{"b": 1}, {"a": 2}, {"a": 10}]) == [{"a": 10}, {"a": 2}, {"b": 1}]


def test_digests_are_tagged_and_spelled_in_lower_case():
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical.digest(b"") == empty
    assert canonical.digest_bytes(empty).hex() == empty.removeprefix("sha256:")
    assert canonical.tagged_digest("tag", b"x") == canonical.digest(b"tag\x00x")


@pytest.mark.parametrize("text", ["YQ==", "YR", "Y", "YQ ", "Y+8", "Y/8", "YQ\n", "é"])
def test_another_spelling_of_base64url_is_refused(text):
    with pytest.raises(MalformedError):
        canonical.from_base64url(text)


def test_base64url_of_another_length_is_refused():
    with pytest.raises(MalformedError):
        canonical.from_base64url("YQ", length=2)
