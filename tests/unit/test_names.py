"""Promise 6: only exact matches permit. URLs have one canonical spelling, and nothing slips past it."""

import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import can_ada
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from priorconsent import names
from priorconsent.errors import MalformedError
from priorconsent.names import canonical_alias, check_alias, of_url
from priorconsent.reasons import Verdict
from tests.world import FILM, FILM_FILE, FILM_URL, OTHER_FILM, STRANGER, STUDIO, World

REAL_URLS = Path(__file__).resolve().parents[3] / "shared" / "data" / "urls" / "urls.txt"

SAME_AS_FILM_URL = [
    "HTTPS://STUDIO.example/film/ep1.mp4",
    "https://studio.example:443/film/ep1.mp4",
    "https://studio.example/film/%65p1.mp4",
    "https://studio.example/film/ep1%2Emp4",
    "https://studio.example/film/ep1.mp4#t=3",
    "https://studio.example/film/./ep1.mp4",
    "https://studio.example/film/x/../ep1.mp4",
    "https://studio.example/film/x/%2e%2E/ep1.mp4",
    "https://studio.example\\film\\ep1.mp4",
    "https:studio.example/film/ep1.mp4",
    "  https://studio.example/film/ep1.mp4\n",
    "https://stu\tdio.example/fi\nlm/ep1.mp4",
    "https://@studio.example/film/ep1.mp4",
    "https://ｓｔｕｄｉｏ.example/film/ep1.mp4",
    "https://studio。example/film/ep1.mp4",
]

# Each looks like the film's place and is not: neither under its URL, nor its folder, nor its host.
ELSEWHERE = {
    "a sibling folder": "https://studio.example/films/ep1.mp4",
    "a folder that begins alike": "https://studio.example/film2/ep1.mp4",
    "the folder without its slash": "https://studio.example/film",
    "the folder above": "https://studio.example/",
    "a way out of the folder": "https://studio.example/film/../ep1.mp4",
    "an escaped way out of the folder": "https://studio.example/film/%2e%2e/ep1.mp4",
    "a half escaped way out": "https://studio.example/film/.%2e/ep1.mp4",
    "another port": "https://studio.example:8443/film/ep1.mp4",
    "the port of the other scheme": "https://studio.example:80/film/ep1.mp4",
    "http": "http://studio.example/film/ep1.mp4",
    "a sub-domain": "https://www.studio.example/film/ep1.mp4",
    "the domain above": "https://example/film/ep1.mp4",
    "a host that ends alike": "https://evilstudio.example/film/ep1.mp4",
    "a host that begins alike": "https://studio.example.evil.test/film/ep1.mp4",
    "a final dot": "https://studio.example./film/ep1.mp4",
    "a Cyrillic letter": "https://studіo.example/film/ep1.mp4",
    "a letter with a dot below": "https://studiọ.example/film/ep1.mp4",
    "a dotless i": "https://studıo.example/film/ep1.mp4",
    "a slash look-alike": "https://studio.example∕film∕ep1.mp4",
    "capitals in the path": "https://studio.example/FILM/ep1.mp4",
    "an escaped slash": "https://studio.example/film%2Fep1.mp4",
    "an escaped slash inside": "https://studio.example/film/a%2fep1.mp4",
    "an escaped backslash": "https://studio.example/film/a%5Cep1.mp4",
    "a doubly escaped letter": "https://studio.example/%2566ilm/ep1.mp4",
    "two slashes": "https://studio.example//film/ep1.mp4",
    "two slashes inside": "https://studio.example/film//ep1.mp4",
    "a broken escape": "https://studio.example/film/%zz",
    "a cut-off escape": "https://studio.example/film/%6",
    "an escape that is not UTF-8": "https://studio.example/film/%ff",
    "an overlong escape": "https://studio.example/film/%c0%af",
    "a path in the query": "https://else.example/?https://studio.example/film/ep1.mp4",
    "a path in the fragment": "https://else.example/#https://studio.example/film/ep1.mp4",
    "a very deep path": "https://studio.example/film/" + "a/" * 70,
}


@pytest.fixture(scope="module")
def film():
    world = World.granted(bindings=["location"], locators=["prefix:https://studio.example/film/", f"url:{FILM_URL}"])
    assert world.reason(url=FILM_URL) == "granted"
    return world


@pytest.mark.parametrize("url", SAME_AS_FILM_URL)
def test_spellings_that_browsers_take_for_one_place_have_one_name(film, url):
    assert of_url(url) == of_url(FILM_URL)
    assert film.reason(url=url) == "granted"


@pytest.mark.parametrize("title", ELSEWHERE)
def test_a_place_that_only_looks_alike_is_never_permitted(film, title):
    try:
        assert film.ask(url=ELSEWHERE[title]).verdict is Verdict.NOT_PERMITTED
    except MalformedError:
        # An answer too: ``invalid_query``.
        return
    found = of_url(ELSEWHERE[title])
    assert found.exact != f"url:{FILM_URL}"
    assert "prefix:https://studio.example/film/" not in found.prefixes


@pytest.mark.parametrize("digit", [7, 40, 70])
def test_one_character_of_a_digest_is_another_file(film, digit):
    world = World.granted()
    other = FILM_FILE[:digit] + ("0" if FILM_FILE[digit] != "0" else "1") + FILM_FILE[digit + 1 :]
    assert world.reason(sha256=FILM_FILE[7:]) == "granted"
    assert world.reason(sha256=other[7:]) == "no_record"


# Another work's URL inside the film's folder, without a licence: whoever asks about it must meet it.
SLIPS = [
    "",
    "?",
    "?a=1",
    "?a=1&b=2#c",
    "?%61=1",
    "#fragment",
    "?/../../film/ep1.mp4",
    "?url=https://studio.example/film/ep1.mp4",
]


@pytest.mark.parametrize("tail", SLIPS)
@pytest.mark.parametrize(
    "url",
    [
        "https://studio.example/film/other.mp4",
        "https://studio.example/film/%6Fther.mp4",
        "https://STUDIO.example:443/film/x/../other%2Emp4",
    ],
)
def test_a_query_or_escape_does_not_slip_past_another_works_url(url, tail):
    world = World.granted(bindings=["location"])
    world.register(OTHER_FILM, STRANGER)
    world.claim("url:https://studio.example/film/other.mp4", OTHER_FILM, STRANGER)
    assert world.reason(url=url + tail) == "no_grant"
    assert world.reason(url=FILM_URL + tail) == "granted"


@pytest.mark.parametrize(
    ("claimed", "asked"),
    [
        ("ep(2).mp4", "ep%282%29.mp4"),
        ("ep,2.mp4", "ep%2C2.mp4"),
        ("ep2.mp4", "ep2.mp4%20"),
        ("ep2.mp4", "ep2.mp4."),
        ("ep2.mp4", "ep2.mp4%2e"),
        ("ep2.mp4", "ep2.mp4%2E/x"),
        ("ep2.mp4", "ep2.mp4;x=1"),
        ("ep2.mp4", "ep2%00.mp4"),
        ("watch?v=1", "watch?v=1&t=3"),
        ("watch?v=1", "watch?t=3&v=1"),
        ("watch?v=1", "watch?v=%311"),
        ("watch?v=1", "watch?"),
        ("watch?a,b", "watch?a%2Cb"),
    ],
)
def test_another_spelling_or_query_does_not_slip_past_another_works_url(claimed, asked):
    world = World.granted(bindings=["location"])
    folder = "https://studio.example/film/"
    world.register(OTHER_FILM, STRANGER)
    world.claim(f"url:{folder}{claimed}", OTHER_FILM, STRANGER)
    world.wait(days=1)
    assert world.reason(url=folder + claimed) == "no_grant"
    assert world.reason(url=folder + asked) == "no_record"
    assert world.reason(url=folder + "plain.mp4") == "granted"


@pytest.mark.parametrize("path", ["ep%282%29.mp4", "ep%2C2.mp4", "ep2%00.mp4"])
def test_a_url_with_needless_escapes_cannot_be_claimed(path):
    with pytest.raises(MalformedError, match="no escape"):
        check_alias(f"url:https://studio.example/film/{path}")


def test_anybodys_word_about_a_query_tells_no_works_apart():
    world = World.granted(bindings=["location"])
    world.register(OTHER_FILM, STRANGER)
    world.claim("url:https://studio.example/film/watch?v=1", OTHER_FILM, STRANGER, level="E0")
    assert world.reason(url="https://studio.example/film/watch?v=2") == "granted"


def test_a_query_claimed_later_makes_no_yes_about_the_past():
    world = World.granted(bindings=["location"])
    world.wait(days=1)
    before = world.clock
    world.wait(days=1)
    world.register(OTHER_FILM, STRANGER)
    world.claim("url:https://studio.example/film/watch?v=1", OTHER_FILM, STRANGER)
    world.wait(days=1)
    assert world.reason(url="https://studio.example/film/watch?v=2", at=before) == "changed_since"
    assert world.reason(url="https://studio.example/film/watch?v=2") == "no_record"


def test_who_asks_for_more_evidence_hears_no_yes_where_others_hear_no():
    world = World.granted(bindings=["digest", "location"])
    world.register(OTHER_FILM, STRANGER)
    world.claim(FILM_FILE, OTHER_FILM, STRANGER, level="E1")
    world.claim(f"url:{FILM_URL}", OTHER_FILM, STRANGER, level="E1")
    world.wait(days=1)
    for key in ({"sha256": FILM_FILE[7:]}, {"url": FILM_URL}):
        for level in ("E1", "E2", "E3"):
            assert world.reason(**key, min_level=level) == "no_grant"


def test_a_query_of_another_work_counts_exactly_and_a_location_not_by_the_path_alone():
    world = World.granted(bindings=["location"], locators=[f"url:{FILM_URL}"])
    assert world.reason(url=FILM_URL) == "binding_not_granted", "the prefix is no locator of the offer"
    world.claim(f"url:{FILM_URL}", FILM, STUDIO)
    world.wait(days=1)
    assert world.reason(url=FILM_URL) == "granted"
    assert world.reason(url=FILM_URL + "?a=1") == "binding_not_granted"


def test_the_longest_claimed_name_speaks_and_the_shorter_ones_are_silent():
    world = World.granted(
        bindings=["location"], locators=["host:studio.example", "prefix:https://studio.example/film/"]
    )
    world.register(OTHER_FILM, STRANGER)
    world.claim("prefix:https://studio.example/film/other/", OTHER_FILM, STRANGER)
    world.claim("host:studio.example", FILM, STUDIO)
    world.wait(days=1)
    assert world.reason(url="https://studio.example/film/other/1.mp4") == "no_grant"
    assert world.reason(url="https://studio.example/film/othe") == "granted"
    for url in ("https://studio.example/trailer", "http://studio.example/film/1", "http://studio.example:80/"):
        assert world.reason(url=url) == "granted", "a host is http on 80 and https on 443"
    for url in ("https://studio.example:80/", "https://studio.example./", "https://studio.example/a//b"):
        assert world.reason(url=url) == "no_record"


GOOD_ALIASES = [
    FILM_FILE,
    "id:isbn:9784000000000",
    "id:eidr:10.5240/7791-8534-2C23-9030-8610-5",
    f"url:{FILM_URL}",
    "url:https://studio.example/?",
    "url:https://studio.example/%E3%81%82",
    "url:http://studio.example:8080/a//b%2Fc",
    "prefix:https://studio.example/",
    "prefix:https://studio.example:8443/a/",
    "host:studio.example",
    "host:xn--9ca.example",
    "host:127.0.0.1",
    "host:[::1]",
]

BAD_ALIASES = [
    "",
    "work:x",
    "grant:x",
    "registry:keyset",
    "sha256:ABC",
    "sha256:" + "A" * 64,
    "sha256:" + "a" * 64 + "\n",
    "id:isbn",
    "id:ISBN:1",
    "id:isbn:1 2",
    "id:isbn:１",
    "url:https://STUDIO.example/",
    "url:https://studio.example",
    "url:https://studio.example/#a",
    "url:https://studio.example/あ",
    "url:https://studio.example/%61",
    "url:https://studio.example/%e3%81%82",
    "url:https://studio.example:443/",
    "url:https://u@studio.example/",
    "url:ftp://studio.example/",
    "url: https://studio.example/",
    "prefix:https://studio.example/film",
    "prefix:https://studio.example",
    "prefix:https://studio.example/film/?a",
    "prefix:https://studio.example/film/#a",
    "prefix:https://studio.example/a//",
    "prefix:https://studio.example/a%2F/",
    "host:STUDIO.example",
    "host:studio.example.",
    "host:studio.example:443",
    "host:studio.example/",
    "host:u@studio.example",
    "host:stud io.example",
    "host:studіo.example",
    "host:",
    "host:0x7f.1",
    "HOST:studio.example",
]


@pytest.mark.parametrize("name", GOOD_ALIASES)
def test_a_canonical_name_can_be_claimed_and_stays_itself(name):
    check_alias(name)
    assert canonical_alias(name) == name


@pytest.mark.parametrize("name", BAD_ALIASES)
def test_any_other_spelling_cannot_be_claimed(name):
    with pytest.raises(MalformedError):
        check_alias(name)


URLISH = st.text(alphabet="ahtps:/?#%@[].\\&=+ ~^|<>'\"{}0123456789ABEFabef\t\nあﬀß\u200d\ud800\x00%%", max_size=40)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        URLISH, URLISH.map("https://a.example/".__add__), URLISH.map("http://a.example/?".__add__), st.text(max_size=30)
    )
)
@example("https://a.example/?%%32E")
@example("https://a.example/%4%31")
@example("https://a.example/%%33%31")
@example("https://a.example/%%%2525%2541")
def test_any_text_has_names_that_are_their_own_or_is_our_error(text):
    try:
        found = of_url(text)
    except MalformedError:
        return
    again = of_url(found.exact.removeprefix("url:"))
    assert again == found
    check_alias_unless_spelled_oddly(found.exact)
    if found.base is not None:
        assert of_url(found.base.removeprefix("url:")).exact == found.base
    for prefix in found.prefixes:
        assert of_url(prefix.removeprefix("prefix:")).prefixes[0] == prefix
        check_alias(prefix)
    if found.host is not None:
        check_alias(found.host)
    assert list(found.prefixes) == sorted(found.prefixes, key=len, reverse=True)


def check_alias_unless_spelled_oddly(name):
    with contextlib.nullcontext() if is_plain(name) else pytest.raises(MalformedError, match="no escape"):
        check_alias(name)


def is_plain(name):
    """Whether no control and nothing that a URL parser leaves as it is stands escaped in the path."""
    escapes = re.findall("%[0-9A-F]{2}", name.partition("?")[0])
    told = {chr(int(escape[1:], 16)) for escape in escapes}
    return not told & {*"!$&'()*+,;=:@[]|", *map(chr, range(32)), "\x7f"}


@pytest.fixture(scope="module")
def real_urls():
    if not REAL_URLS.exists():
        pytest.skip(f"{REAL_URLS} is not there: real URLs are not part of the project")
    return REAL_URLS.read_text().splitlines()


def test_real_urls_have_one_canonical_name(real_urls):
    taken = 0
    for url in real_urls:
        try:
            found = of_url(url)
        except MalformedError:
            continue
        taken += 1
        assert of_url(found.exact.removeprefix("url:")) == found
        check_alias_unless_spelled_oddly(found.exact)
    assert taken > len(real_urls) * 0.99


@pytest.mark.parametrize("url", ["https://a.example/b^c", "https://a.example/b%5Ec", "https://a.example/b%5ec#^"])
def test_a_caret_has_one_spelling_whatever_the_parser_does_with_it(url):
    assert of_url(url).exact == "url:https://a.example/b%5Ec"
    assert of_url(f"{url.partition('#')[0]}/d").prefixes[0] == "prefix:https://a.example/b%5Ec/"


def test_a_caret_in_a_query_stays_and_only_the_escaped_path_can_be_claimed():
    assert of_url("https://a.example/^?^").exact == "url:https://a.example/%5E?^"
    check_alias("url:https://a.example/%5E?^")
    for name in ("url:https://a.example/^?^", "prefix:https://a.example/^/"):
        with pytest.raises(MalformedError):
            check_alias(name)


@pytest.mark.parametrize("host", ["xn--bcher-kva.example", "xn--ls8h.example", "a.xn--fiqs8s", "xn--zca.example"])
def test_a_host_in_other_letters_is_one_place_with_its_ascii_spelling(host):
    letters = ".".join(
        label[4:].encode().decode("punycode") if label[:4] == "xn--" else label for label in host.split(".")
    )
    assert of_url(f"https://{letters}/").host == of_url(f"https://{host}/").host == f"host:{host}"


# Mapped to www, another spelling of a, nothing, no punycode, a letter that stands for two.
@pytest.mark.parametrize("label", ["xn--8i7caa", "xn--a-", "xn--", "xn--a*", "xn--0", "xn--a-ecp"])
def test_an_ascii_label_that_stands_for_no_letters_is_no_place_whatever_the_parser_says(label, monkeypatch):
    url = f"https://{label}.example/"
    with pytest.raises(MalformedError):
        of_url(url)

    class Newer:
        """What a parser by the standard of June 2026 makes of it."""

        href, protocol, username, password = url, "https:", "", ""
        hostname = f"{label}.example"

    parse = can_ada.parse
    monkeypatch.setattr(can_ada, "parse", lambda text: Newer if text == url else parse(text))
    with pytest.raises(MalformedError, match="xn--"):
        of_url(url)


@pytest.mark.parametrize("host", ["אב.example", "א1.example", "ab.אב", "ا\u0660.example", "אב\u05b0.example"])
def test_letters_from_right_to_left_are_taken(host):
    assert (of_url(f"https://{host}/").host or "").startswith("host:")


@pytest.mark.parametrize(
    "host", ["éא.example", "1א.example", "12.אב", "א\u0660" + "1.example", "א-.example", "אa.example"]
)
def test_letters_that_could_be_read_in_two_orders_are_no_place(host):
    with pytest.raises(MalformedError):
        of_url(f"https://{host}/")


def test_carets_count_as_they_are_spelled():
    fits = "https://a.example/" + "^" * ((names.MAX_URL_BYTES - 18) // 3)
    assert len(of_url(fits).exact.encode()) <= len("url:") + names.MAX_URL_BYTES
    with pytest.raises(MalformedError, match="longer"):
        of_url(fits + "^")


ODD_URLS = [
    *SAME_AS_FILM_URL,
    *ELSEWHERE.values(),
    "https://a/^|`{}<>\"'",
    "https://a/?^|`{}<>\"'",
    "https://ß.example/",
    "http://0x7f.1/",
]


def test_another_implementation_of_the_standard_agrees(real_urls):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here to give a second opinion")
    urls = [*real_urls, *ODD_URLS]
    script = (
        "const us=JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(us.map(u=>{try{const p=new URL(u);p.hash='';return p.href}catch{return null}})))"
    )
    done = subprocess.run([node, "-e", script], input=json.dumps(urls), capture_output=True, text=True, check=True)
    for url, theirs in zip(urls, json.loads(done.stdout), strict=True):
        try:
            ours = names._without_fragment(names._parse(url).href)
        except MalformedError:
            ours = None
        plain = theirs is not None and theirs.startswith(("http://", "https://")) and "@" not in theirs.split("/")[2]
        if plain and len(theirs) <= names.MAX_URL_BYTES:
            # Whether carets are escaped depends on the version of Node.
            assert ours == names._without_fragment(theirs), url
        else:
            assert ours is None, url
