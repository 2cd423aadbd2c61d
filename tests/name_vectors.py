"""Makes ``tests/vectors/names.json``: ``python -m tests.name_vectors``.

What each URL is called in the map, and which names may be claimed. A URL parser by the WHATWG standard does most of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from priorconsent import names
from priorconsent.errors import MalformedError

PATH = Path(__file__).parent / "vectors" / "names.json"

URLS = [
    "https://studio.example/film/ep1.mp4",
    "HTTPS://Studio.EXAMPLE:443/film/./x/../%65p1.mp4#t=3",
    "  https:\\\\studio.example\\film\nep1.mp4",
    "https://@studio.example/",
    "https://studio.example",
    "https://studio.example/?",
    "https://studio.example/film/?a=%7e%c3%a9&b=%2f",
    "http://studio.example:80/film/",
    "http://studio.example:443/film/",
    "https://studio.example:8443/film/",
    "https://studio.example./film/",
    "https://bücher.example/作品/é",
    "https://XN--bcher-KVA.example/",
    "https://xn--8i7caa.example/",
    "https://xn--a-.example/",
    "https://xn--/",
    "https://אב.example/",
    "https://éא.example/",
    "https://12.אב/",
    "https://0x7f.1/a",
    "https://[::1]:443/a",
    "https://studio.example/a//b",
    "https://studio.example/a%2Fb",
    "https://studio.example/a%5cb",
    "https://studio.example/a;b/c",
    "https://studio.example/a./b",
    "https://studio.example/a%20/b",
    "https://studio.example/a b/c",
    "https://studio.example/%zz",
    "https://studio.example/%%41",
    "https://studio.example/%4%41",
    "https://studio.example/%%34%31",
    "https://studio.example/%2541",
    "https://studio.example/%ff/a",
    "https://studio.example/%C3%A9/%c3%a9",
    "https://studio.example/%00",
    "https://studio.example/a%21b",
    "https://studio.example/a!b'(c)*",
    "https://studio.example/a^b",
    "https://studio.example/a%5eb?^",
    "https://studio.example/a|b`{c}",
    "https://studio.example/%2e%2E/a",
    "https://studio.example/" + "a/" * 63,
    "https://studio.example/" + "a/" * 64,
    "https://studio.example/" + "a" * 4073,
    "https://studio.example/" + "a" * 4074,
    "https://studio.example/" + "^" * 1357,
    "https://studio.example/" + "^" * 1358,
    "https://studio.example/" + "é" * 700,
    "https://u:p@studio.example/",
    "ftp://studio.example/a",
    "studio.example/a",
    "https://",
    "https://a b.example/",
    "",
]

NAMES = [
    "sha256:" + "0a" * 32,
    "sha256:" + "0A" * 32,
    "sha256:" + "0a" * 31,
    "id:eidr:10.5240/7B2F-1",
    "id:x-1:" + "a" * 200,
    "id:x-1:" + "a" * 201,
    "id:X:1",
    "id:x-:1",
    "id:x:",
    "id:x:a b",
    "id:x:é",
    "url:https://studio.example/a",
    "url:https://studio.example",
    "url:https://studio.example/?",
    "url:https://studio.example/a//b",
    "url:https://studio.example/%zz",
    "url:https://studio.example/%7Ea",
    "url:https://studio.example/a%2fb",
    "url:https://studio.example/a%2Fb",
    "url:https://studio.example/a%21b",
    "url:https://studio.example/a?b=%21",
    "url:https://studio.example/a^b",
    "url:https://studio.example/a%5Eb",
    "url:https://studio.example/a?^",
    "url:https://studio.example/a#b",
    "prefix:https://studio.example/",
    "prefix:https://studio.example/a/",
    "prefix:https://studio.example/a",
    "prefix:https://studio.example/a/?",
    "prefix:https://studio.example/a//",
    "prefix:https://studio.example:443/a/",
    "prefix:https://studio.example:8443/a/",
    "prefix:https://studio.example./a/",
    "host:studio.example",
    "host:Studio.example",
    "host:studio.example.",
    "host:studio.example:8443",
    "host:127.0.0.1",
    "host:127.1",
    "host:[::1]",
    "host:xn--bcher-kva.example",
    "host:bücher.example",
    "host:",
    "query:https://studio.example/",
    "work:urn:uuid:00000000-0000-4000-8000-000000000001",
]


def names_of(url: str) -> dict[str, Any] | None:
    """``None``: no place."""
    try:
        found = names.of_url(url)
    except MalformedError:
        return None
    return {
        "exact": found.exact,
        "without_query": found.base,
        "query": found.queries,
        "prefixes": list(found.prefixes),
        "host": found.host,
    }


def may_be_claimed(name: str) -> bool:
    try:
        names.check_alias(name)
    except MalformedError:
        return False
    return True


def vectors() -> dict[str, Any]:
    """The whole file."""
    return {
        "urls": [{"url": url, "names": names_of(url)} for url in URLS],
        "claims": [{"name": name, "may_be_claimed": may_be_claimed(name)} for name in NAMES],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
