"""The ten days, told in order. Delays and ends are not set by hand: the clock passes them.

Day 0: the registry is founded, everybody binds a first key. Day 3: those keys count; works, shares, names.
Day 4: an offer that one holder declines, and a second one that all sign. Days 5 to 9: what becomes of grants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.demo.cast import CONTESTED, FOUND, LICENCE_TEXTS, LICENCE_TITLE, ROLES, WORKS
from api.demo.stage import OPERATOR, Stage, names_of
from licences.models import Licence, Offer
from licences.verbs.add_licence import Text, add_licence
from licences.verbs.suspend import suspend_grant
from priorconsent import times
from priorconsent.names import LOCATORS, kind_of

DAYS = 10
DAY_S = 86_400
HOUR_S = 3_600
YEAR_S = 365 * DAY_S
NOTICE_S = 30 * DAY_S
# The first offer goes out on day 4.
LATEST_KEY_DELAY_S = 4 * DAY_S - 3 * HOUR_S
MODEL = "Thread-Video-1"

FILMS = ("film", "episode_1", "episode_2", "episode_3")

# What a draft says unless the story says otherwise.
USUAL: dict[str, Any] = {
    "rights": ["copyright"],
    "bindings": ["digest"],
    "modalities_in": ["*"],
    "modalities_out": ["*"],
    "models": ["*"],
    "distribution": ["*"],
    "territory": ["*"],
    "withdrawal": {"by": "any", "notice_s": 0},
}
# Where the films are; only addresses that an offer names count as such.
PLACES = [name for film in FILMS for name in names_of(WORKS[film]) if kind_of(name) in LOCATORS]
TRAINING: dict[str, Any] = {
    "uses": ["train.generative"],
    "bindings": ["digest", "location"],
    "locators": PLACES,
    "modalities_in": ["video"],
    "modalities_out": ["video"],
    "models": [MODEL],
    "distribution": ["internal"],
    "territory": ["JP", "US"],
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens at one moment.

    Args:
        after_s: since the beginning, in seconds.
    """

    after_s: int
    title: str
    play: Callable[[Stage, Story], None]


class Story:
    """What the scenes hand on to each other.

    Args:
        begin: when the registry is founded.
        key_delay_s: how long first keys may only narrow.
    """

    def __init__(self, begin: str, key_delay_s: int) -> None:
        self.begin = begin
        self.key_delay_s = key_delay_s
        self.grants: dict[str, Offer] = {}
        self.licence: Licence | None = None

    @property
    def end(self) -> str:
        """When the ten days are over."""
        return times.plus(self.begin, DAYS * DAY_S)

    def terms(self, stage: Stage, licensee: str | None, works: tuple[str, ...], **other: Any) -> dict[str, Any]:
        """The terms of a draft; ``licensee`` ``None``: everybody."""
        party = stage.parties[licensee] if licensee else None
        told: dict[str, Any] = {
            **USUAL,
            "licensee": {"kind": "party" if licensee else "public", "party": party, "affiliates": []},
            "works": [stage.works[work] for work in works],
            "valid_until": times.plus(self.end, YEAR_S),
            "lapse_at": times.plus(stage.now, 20 * DAY_S),
        }
        return told | other


def play(stage: Stage, story: Story, tell: Callable[[str], None]) -> None:
    """Play every scene at its time, and publish after each."""
    for scene in scenes(story.key_delay_s):
        stage.wait_until(times.plus(story.begin, scene.after_s))
        tell(f"day {scene.after_s // DAY_S}: {scene.title}")
        scene.play(stage, story)
        stage.publish()
    stage.wait_until(story.end)
    stage.publish()


def scenes(key_delay_s: int) -> tuple[Scene, ...]:
    """The scenes in order of time."""
    return (
        Scene(0, "everybody comes in and binds a first key", _enter),
        Scene(key_delay_s, "first keys count; the works are registered", _register),
        Scene(key_delay_s + HOUR_S, "the operator checks documents; holders and links are recorded", _share),
        Scene(key_delay_s + 2 * HOUR_S, "files, addresses and numbers are claimed, each by a signature", _claim),
        Scene(4 * DAY_S, "an offer goes out, and the broadcaster declines", _decline),
        Scene(4 * DAY_S + 6 * HOUR_S, "a second offer without Europe: all sign, the grant is issued", _train),
        Scene(5 * DAY_S, "seven more grants, two of them for everybody", _more_grants),
        Scene(6 * DAY_S, "the broadcaster withdraws one, and refuses a vendor; so does the toy maker", _withdraw),
        Scene(7 * DAY_S, "one has run out; another is superseded, a third suspended", _change),
        Scene(8 * DAY_S, "the publisher gives notice of thirty days", _give_notice),
        Scene(9 * DAY_S, "a stranger claims an address; an offer still waits for signatures", _contest),
    )


def _enter(stage: Stage, story: Story) -> None:
    del story
    for name, role in ROLES.items():
        stage.enter(name, role)


def _register(stage: Stage, story: Story) -> None:
    del story
    for name, piece in WORKS.items():
        stage.register(name, piece)


def _share(stage: Stage, story: Story) -> None:
    del story
    for name, piece in WORKS.items():
        stage.check(name, piece)
        if piece.shares:
            stage.share(name, piece)


def _claim(stage: Stage, story: Story) -> None:
    del story
    for name, piece in WORKS.items():
        stage.claim(name, piece.by, names_of(piece))


def _decline(stage: Stage, story: Story) -> None:
    texts = [Text(lang, "text/plain", text.encode()) for lang, text in LICENCE_TEXTS.items()]
    story.licence = add_licence(OPERATOR, title=LICENCE_TITLE, terms=TRAINING, texts=texts, now=stage.now)
    terms = story.terms(stage, "vendor_a", FILMS, **TRAINING, **_conditions())
    declined = stage.offer("studio", {**terms, "territory": ["DE", "FR", "JP", "US"]}, story.licence)
    stage.approve(declined, "studio")
    stage.approve(declined, "broadcaster", "decline")


def _train(stage: Stage, story: Story) -> None:
    terms = story.terms(stage, "vendor_a", FILMS, **TRAINING, **_conditions())
    story.grants["training"] = stage.grant(stage.offer("studio", terms, story.licence))


def _more_grants(stage: Stage, story: Story) -> None:
    notice = {"withdrawal": {"by": "any", "notice_s": NOTICE_S}}
    soon = times.plus(story.begin, 7 * DAY_S - HOUR_S)
    told: tuple[tuple[str, str, str | None, tuple[str, ...], Mapping[str, Any]], ...] = (
        ("withdrawn", "broadcaster", "vendor_b", ("theme",), {"uses": ["train.generative"]}),
        ("notice", "publisher", "vendor_a", ("manga",), {"uses": ["analyse", "train.nongenerative"], **notice}),
        ("superseded", "studio", "vendor_a", ("episode_1",), {"uses": ["evaluate"]}),
        ("suspended", "publisher", "vendor_b", ("character",), {"uses": ["generate.character"], "bindings": ["named"]}),
        ("expired", "publisher", "vendor_b", ("manga",), {"uses": ["index.ai"], "valid_until": soon}),
        ("poster", "toy_maker", None, ("poster",), {"uses": ["search"]}),
        ("public", "studio", None, FILMS, {"uses": ["protect", "search"], "bindings": ["digest", "location", "named"]}),
    )
    for label, by, licensee, works, terms in told:
        places = {"locators": PLACES} if label == "public" else {}
        offer = stage.offer(by, story.terms(stage, licensee, works, **terms, **places))
        story.grants[label] = stage.grant(offer)


def _withdraw(stage: Stage, story: Story) -> None:
    stage.withdraw(story.grants["withdrawn"], "broadcaster")
    vendor = [stage.parties["vendor_b"]]
    stage.refuse("broadcaster", vendors=vendor, works=["*"], uses=["specialise", "train.generative"])
    stage.refuse("toy_maker", vendors=vendor, works=[stage.works["poster"]], uses=["search"])


def _change(stage: Stage, story: Story) -> None:
    works = ("episode_1", "episode_2")
    terms = story.terms(stage, "vendor_a", works, uses=["evaluate", "retrieve"])
    terms["supersedes"] = [story.grants["superseded"].grant]
    story.grants["successor"] = stage.grant(stage.offer("studio", terms))
    suspended = Offer.objects.get(pk=story.grants["suspended"].pk)
    suspend_grant(OPERATOR, suspended, cause="dispute", reason="A sculptor says that the whale is hers.", now=stage.now)


def _give_notice(stage: Stage, story: Story) -> None:
    stage.withdraw(story.grants["notice"], "publisher")


def _contest(stage: Stage, story: Story) -> None:
    stage.register("found", FOUND)
    stage.publish()
    stage.claim("found", "stranger", [f"url:{CONTESTED}"])
    waiting = stage.offer("studio", story.terms(stage, "vendor_a", FILMS, uses=["specialise"]))
    stage.approve(waiting, "studio")


def _conditions() -> dict[str, Any]:
    return {
        "conditions": {
            "attribution": "「鯨時計」製作委員会",
            "at_the_end": "copies are deleted within 30 days",
            "compensation": "per model, amount agreed in private",
            "law": "JP",
            "reporting": "every quarter",
        }
    }
