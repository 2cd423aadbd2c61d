"""Promise 5: one question has one answer, however it is asked."""

import contextlib
import functools
import io
import json
import random

import msgspec
import pytest

from api.demo import cast
from api.demo.cast import WORKS
from api.demo.stage import names_of
from api.demo.story import MODEL
from priorconsent import bucket, names, query, times
from priorconsent.cli import main
from priorconsent.client import Registry
from priorconsent.court.verify import verify
from priorconsent.decision import decide
from priorconsent.home import Home
from priorconsent.snapshot import open_verified
from priorconsent.states import GrantState

QUESTIONS = 2000
AT_ONCE = 1000
# Questions put to one set of buckets, as a client keeps them for one question.
IN_ONE_ASKING = 100
BY_COMMAND = 12
BY_GRANT = 12
DAY_S = 86_400

USES = (
    "train.generative train.generative.pretrain train.generative.finetune train.nongenerative analyse evaluate"
    " retrieve search protect index.ai specialise generate.character generate.voice train unheard.of"
).split()
MEMBERS = {
    "territory": ["JP", "US", "FR", "XX"],
    "modality": ["video", "image", "audio", "smell"],
    "modality_out": ["video", "text"],
    "model": [MODEL, "Other-1"],
    "distribution": ["internal", "api", "free"],
    "min_level": ["E1", "E3", "E0"],
    "min_method": ["account", "key"],
}


@pytest.fixture(scope="module")
def now() -> str:
    return times.now()


@pytest.fixture(scope="module")
def questions(demo, now) -> list[dict[str, str]]:
    """Most are near an answer that is a yes, each with something turned."""
    chance = random.Random(20)
    keys = keys_of(demo.note)
    # What the licensee would ask comes first, so that each member is often as it should be.
    return [question(chance, keys, demo.note, now) for _ in range(QUESTIONS)]


def keys_of(note) -> list[tuple[str, str]]:
    found = []
    for name, piece in WORKS.items():
        found.append(("work", note.works[name]))
        for alias in names_of(piece):
            kind, _, rest = alias.partition(":")
            if kind == "sha256":
                found.append(("sha256", chance_of_case(rest)))
            elif kind == "id":
                found.append(("identifier", rest))
            elif kind == "host":
                found.append(("url", f"http://{rest}/anything"))
            else:
                found += [("url", rest), ("url", rest + "?a=1"), ("url", rest + "%7Ex"), ("url", rest.upper())]
    found += [("work", note.works["found"]), ("url", cast.CONTESTED), ("url", cast.SITE), ("url", "ftp://x.example/")]
    return [*found, ("sha256", "00" * 32), ("sha256", "not a digest"), ("identifier", "no-such:1")]


def chance_of_case(digits: str) -> str:
    return f"sha256:{digits}" if digits < "8" else digits


def question(chance, keys, note, now) -> dict[str, str]:
    kind, key = chance.choice(keys)
    asked = {kind: key, "use": chance.choice(USES)}
    vendors = [note.parties["vendor_a"]] * 3 + [note.parties["vendor_b"]] * 2 + [note.parties["studio"], "nobody"]
    usual = {
        "territory": "JP",
        "modality": "video",
        "modality_out": "video",
        "model": MODEL,
        "distribution": "internal",
    }
    for member, value in usual.items():
        if chance.random() < 0.9:
            asked[member] = chance.choice(MEMBERS[member]) if chance.random() < 0.1 else value
    if chance.random() < 0.9:
        asked["vendor"] = chance.choice(vendors)
    for member in ("min_level", "min_method"):
        if chance.random() < 0.1:
            asked[member] = chance.choice(MEMBERS[member])
    for member in ("at", "acquired_at"):
        if chance.random() < 0.08:
            asked[member] = times.plus(now, -chance.randrange(-1, 11) * DAY_S)
    if chance.random() < 0.01:
        asked["colour"] = "red"
    return asked


@pytest.fixture
def at_home(demo, settings, monkeypatch):
    """This process answers from what the demo published."""
    settings.PRIORCONSENT_DATA = demo.data
    monkeypatch.setenv("XDG_STATE_HOME", str(demo.data / "seen"))
    monkeypatch.setenv("LANG", "C")


def test_two_thousand_questions_have_one_answer_each(demo, questions, now, at_home, client):
    clock = {"priorconsent.now": now}
    with open_verified(newest_snapshot(demo), demo.trust, now) as snapshot:
        by_snapshot = [answer(asked, snapshot, now, demo.trust) for asked in questions]
    with Registry(demo.url) as registry:
        by_registry = [
            one
            for some in in_parts(questions, IN_ONE_ASKING)
            for one in bucket.ask(
                registry.bucket, demo.trust, functools.partial(answers, some=some, now=now, trust=demo.trust)
            )
        ]
    by_get = [client.get("/api/v1/decisions", asked, **clock).json() for asked in questions]
    by_post = [one for some in in_parts(questions, AT_ONCE) for one in post(client, some, clock)]

    for asked, *told in zip(questions, by_snapshot, by_registry, by_get, by_post, strict=True):
        assert told[0] == told[1] == bare(told[2]) == bare(told[3]), asked
    assert varied({one["reason"] for one in by_snapshot})
    assert sum(one["verdict"] == "permitted" for one in by_snapshot) > QUESTIONS / 20


def varied(reasons) -> bool:
    expected = (
        "granted invalid_query no_record changed_since no_grant withdrawn suspended needs_vendor other_licensee refused"
        " use_not_granted binding_not_granted copy_predates_grant needs_modality modality_not_granted needs_model"
        " model_not_granted needs_distribution distribution_not_granted needs_territory territory_not_granted"
    )
    assert set(expected.split()) <= reasons, sorted(set(expected.split()) - reasons)
    return True


def test_the_command_line_and_the_running_server_say_the_same(demo, questions, at_home, now, client):
    for asked in questions[:BY_COMMAND]:
        members = {name: value for name, value in asked.items() if name not in {*query.KEYS, "at", "colour"}}
        [key] = [asked[kind] for kind in query.KEYS if kind in asked]
        flags = [word for name, value in members.items() for word in ("--" + name.replace("_", "-"), value)]
        told = {}
        for source in (["--snapshot", str(newest_snapshot(demo))], ["--registry", demo.url]):
            trust = ["--trust", str(demo.trust_file)]
            told[source[0]] = command(["check", named(asked, key), *flags, *source, *trust, "--json"])
        told["GET"] = client.get("/api/v1/decisions", {**members, kind_of(asked): key}).json()
        found = {(one["verdict"], one["reason"]) for one in told.values()}
        assert len(found) == 1, (asked, told)


def test_each_grant_is_judged_by_verify_as_by_the_map(demo, questions, at_home, now):
    chance = random.Random(5)
    with Registry(demo.url) as registry, open_verified(newest_snapshot(demo), demo.trust, now) as snapshot:
        for grant in demo.note.grants.values():
            raw = registry.bundle(grant)
            state = snapshot.state(names.grant(grant))
            assert isinstance(state, GrantState)
            for asked in [full(chance, demo.note) for _ in range(BY_GRANT)]:
                report = verify(raw, demo.trust, asked=asked)
                assert report.at == snapshot.head.quorum_time
                for work, decision in report.decisions.items():
                    parsed = query.parse({**asked, "work": work, "at": report.at}, now=now)
                    assert decision == decide(parsed, Only(snapshot, grant), bound=True)
                assert set(report.decisions) == set(state.terms.works)


class Only:
    """A map that shows one grant alone, as its bundle does."""

    def __init__(self, states, grant: str) -> None:
        self.states, self.grant = states, grant

    @property
    def head(self):
        return self.states.head

    def state(self, name: str):
        hidden = name.startswith("grant:") and name != names.grant(self.grant)
        return None if hidden else self.states.state(name)


def full(chance, note) -> dict[str, str]:
    """Every member of a question, so that nothing is taken from the offer."""
    return {
        "use": chance.choice(USES[:-2]),
        "vendor": note.parties[chance.choice(["vendor_a", "vendor_a", "vendor_b"])],
        "territory": chance.choice(["JP", "JP", "FR"]),
        "modality": chance.choice(["video", "video", "image"]),
        "modality_out": "video",
        "model": chance.choice([MODEL, MODEL, "Other-1"]),
        "distribution": chance.choice(["internal", "internal", "api"]),
        "min_level": "E3",
        "min_method": "key",
    }


def in_parts(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


def answer(asked, states, now, trust):
    """As ``priorconsent check`` does, once it has its map."""
    return Home(states, trust, now).answer(asked).decision.to_json()


def answers(states, some, now, trust):
    return [answer(asked, states, now, trust) for asked in some]


def post(client, some, clock):
    queries = [{"ref": str(number), **asked} for number, asked in enumerate(some)]
    body = msgspec.json.encode({"queries": queries, "defaults": {}})
    told = client.post("/api/v1/decisions", body, content_type="application/json", **clock).json()
    assert [one["ref"] for one in told["decisions"]] == [one["ref"] for one in queries]
    return told["decisions"]


def bare(told):
    """An answer without what only HTTP adds."""
    return {name: value for name, value in told.items() if name not in {"ref", "checkpoint", "detail", "pointer"}}


def newest_snapshot(demo):
    latest = json.loads((demo.data / "public/snapshots/latest.json").read_text(encoding="utf-8"))
    return demo.data / "public/snapshots" / latest["file"]


def kind_of(asked) -> str:
    return next(kind for kind in query.KEYS if kind in asked)


def named(asked, key: str) -> str:
    """A key as the command line takes it."""
    return f"id:{key}" if kind_of(asked) == "identifier" else f"sha256:{key}" if key == "not a digest" else key


def command(words):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        main(words)
    return json.loads(output.getvalue())
