"""A registry at a clock of its own that people reach by HTTP: every signature comes in there, every answer out.

Companies go by the names of the catalogue. Their keys are invented, and so is everything that they sign.
"""

import io
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import pytest
from django.core.management import call_command
from django.db import connections

from api.access import CLOCK
from config.wsgi import application
from licences.models import Offer
from licences.verbs.draft import draft
from licences.verbs.offer import offer_grant
from priorconsent import canonical, home, times
from priorconsent.cli import main
from priorconsent.client import Registry
from registry.models import ShareSet, Work
from registry.share_sets import body_to_sign, document_of
from tests.cast import DAY_S, FOUNDED, Cast, Player
from tests.end_to_end import catalogue
from tests.end_to_end.catalogue import Row
from transparency.append import sequenced_by_caller

MODEL = "A-Video"
TERMS: dict[str, Any] = {
    "rights": ["copyright"],
    "uses": ["train.generative"],
    "bindings": ["digest", "location", "named"],
    "modalities_in": ["video"],
    "modalities_out": ["video"],
    "models": [MODEL],
    "distribution": ["internal"],
    "territory": ["JP"],
    "valid_until": "2028-01-01T00:00:00Z",
    "withdrawal": {"by": "any", "notice_s": 0},
}


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(now: Callable[[], str]) -> Iterator[str]:
    """The application on a port of this machine, at that clock. Yields its URL."""

    def at_the_clock(environ, start_response):
        with sequenced_by_caller():
            answer = application({**environ, CLOCK: now()}, start_response)
            body = list(answer)
            answer.close()
        connections.close_all()
        return body

    with make_server("127.0.0.1", 0, at_the_clock, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class House:
    """The registry, the companies in it, and the works of one registrant's catalogue.

    Args:
        names: title → the names by which a machine finds the work, once holders have claimed them.
    """

    def __init__(self, cast: Cast, folder: Path, web: httpx2.Client) -> None:
        self.cast, self.folder, self.web, self.url = cast, folder, web, str(web.base_url)
        self.names: dict[str, list[str]] = {}
        cast.enter("vendor", "ai_vendor")

    def admit(self, companies: Iterable[str]) -> None:
        """Companies come in, and their keys come to count."""
        for name in sorted(set(companies)):
            self.cast.enter(name)
        self.cast.log()
        self.cast.wait(4 * DAY_S)

    def hand_in(self, raw: bytes) -> str:
        """A signed statement by HTTP; what the registry says to it."""
        headers = {"Content-Type": "application/jose"}
        response = self.web.post("/api/v1/statements", content=raw, headers=headers)
        assert response.status_code == 202, response.text
        return str(response.json()["says"])

    # --- works

    def bring_catalogue(self, registrant: str) -> None:
        """The whole file, by the shipped map; rows only."""
        party = self.cast.players[registrant].party
        call_command("import_works", catalogue.path(), map="anime", registrant=party, stdout=io.StringIO())

    def urn_of(self, row: Row) -> str:
        self.cast.works[row.title] = Work.objects.get(identifiers__scheme="mal", identifiers__value=row.number).urn
        return self.cast.works[row.title]

    def sign_listed(self, registrant: Player, row: Row) -> dict[str, Any]:
        """The registrant signs what ``works_to_sign`` lists for a work, shares once they were checked; what it was."""
        parties = self.folder / "parties.toml"
        told = [f"{json.dumps(name)} = {json.dumps(player.party)}" for name, player in self.cast.players.items()]
        parties.write_text("\n".join(told), encoding="utf-8")
        printed = io.StringIO()
        work = self.urn_of(row)
        call_command("works_to_sign", work, registrant=registrant.party, parties=parties, stdout=printed)
        [one] = map(json.loads, printed.getvalue().splitlines())
        assert (one["work"], one["title"]) == (work, row.japanese)
        if one["type"] == "shares":
            self.see_deeds(printed.getvalue())
        self.hand_in(self.cast.sign(registrant, one["type"], one["body"]))
        self.cast.log()
        return dict(one)

    def see_deeds(self, listed: str) -> None:
        """The operator sees what each holder shows for its share in what is listed, and writes it down."""
        file = self.folder / "listed.jsonl"
        file.write_text(listed, encoding="utf-8")
        call_command("check_shares", file, seen="deeds", stdout=io.StringIO())

    def holders_in(self, listed: dict[str, Any]) -> set[str]:
        """Who holds, by what was listed for signing."""
        parties = {holder["party"] for holder in listed["body"]["holders"]}
        return {name for name, player in self.cast.players.items() if player.party in parties}

    def register(self, title: str, kind: str, registrant: str, holders: Sequence[str]) -> None:
        """A work that no catalogue has, with holders of its own."""
        player = self.cast.players[registrant]
        self.cast.register(title, kind, player)
        self.cast.log()
        row = self.cast.propose(title, self.shares(holders), by=player)
        self.cast.check_shares(row)
        self.sign_shares(row, registrant)
        self.cast.log()

    def shares(self, holders: Iterable[str]) -> list[tuple[str, Player]]:
        return [("copyright", self.cast.players[name]) for name in holders]

    def sign_shares(self, row: ShareSet, name: str) -> None:
        self.hand_in(self.cast.sign(self.cast.players[name], "shares", body_to_sign(document_of(row))))

    def claim_names(self, title: str, holders: Sequence[str], number: str | None = None) -> None:
        """Each holder claims a file and a place of its own; the first one the work's number, too."""
        for index, name in enumerate(holders):
            player = self.cast.players[name]
            file = canonical.digest(f"{title} as {name} keeps it".encode())
            found = [file, f"prefix:https://{player.party[9:17]}.example/{index}/"]
            found += [f"id:mal:{number}"] if number and not index else []
            self.cast.check_names(player, title, found)
            for alias in found:
                body = {"name": alias, "work": self.cast.works[title], "party": player.party, "ended": False}
                self.hand_in(self.cast.sign(player, "claim", body))
            self.names.setdefault(title, []).extend(found)
        self.cast.log()

    # --- grants

    def offer(self, title: str, by: str, **other: Any) -> Offer:
        """A work of one of the holders, put to all of them, for the vendor."""
        actor, now = self.cast.players[by].actor, self.cast.now
        terms = {
            **TERMS,
            "works": [self.cast.works[title]],
            "locators": [name for name in self.names.get(title, ()) if name.startswith("prefix:")],
            "licensee": {"kind": "party", "party": self.cast.players["vendor"].party, "affiliates": []},
            "lapse_at": times.plus(now, 20 * DAY_S),
        }
        return offer_grant(actor, draft(actor, terms | other, now), now)

    def agree(self, offer: Offer, name: str) -> str:
        """An approval by a holder, or the vendor's acceptance."""
        player = self.cast.players[name]
        kind = "acceptance" if name == "vendor" else "approval"
        rights = () if name == "vendor" else offer.needs[player.party]
        return self.hand_in(self.cast.sign(player, kind, subject=offer.digest, decision="approve", rights=rights))

    def withdraw(self, offer: Offer, name: str) -> str:
        digest = self.cast.grant_state(offer).digest
        return self.hand_in(self.cast.sign(self.cast.players[name], "withdrawal", subject=digest))

    # --- questions

    def answers(self, title: str, at: str | None = None) -> set[tuple[str, str]]:
        """Verdict and reason for every name of a work, asked in three ways that agree."""
        asked = [self._question(key, at) for key in self._keys(title)]
        places = (self.snapshot, self.url)
        at_home = [
            [answer.decision.to_json() for answer in home.ask_all(asked, place, self.trust, now=self.cast.now)]
            for place in places
        ]
        by_http = [self.web.get("/api/v1/decisions", params=one).json() for one in asked]
        for question, home_told, bucket_told, http_told in zip(asked, *at_home, by_http, strict=True):
            assert home_told == bucket_told == {member: http_told[member] for member in home_told}, question
        return {(told["verdict"], told["reason"]) for told in at_home[0]}

    def _keys(self, title: str) -> list[dict[str, str]]:
        kinds = {"prefix": "url", "id": "identifier", "sha256": "sha256"}
        keys = [{"work": self.cast.works[title]}]
        for name in self.names[title]:
            kind, _, rest = name.partition(":")
            keys.append({kinds[kind]: f"{rest}episode-1.mp4" if kind == "prefix" else rest})
        return keys

    def _question(self, key: dict[str, str], at: str | None) -> dict[str, str]:
        told = {"use": "train.generative.pretrain", "vendor": self.cast.players["vendor"].party, "territory": "JP"}
        told |= {"modality": "video", "model": MODEL, "distribution": "internal"}
        return key | told | ({"at": at} if at else {})

    @property
    def snapshot(self) -> Path:
        snapshots = self.folder / "public" / "snapshots"
        return snapshots / str(json.loads((snapshots / "latest.json").read_bytes())["file"])

    @property
    def trust(self) -> Path:
        return self.folder / "trust.json"

    # --- evidence

    def download(self, offer: Offer, path: Path) -> Path:
        with Registry(self.url) as registry:
            path.write_bytes(registry.bundle(offer.grant))
        return path

    def verify(self, bundle: Path, *options: str) -> tuple[int, str]:
        """``priorconsent verify`` without a network; its exit code and what it prints."""
        printed = io.StringIO()
        with without_network(), redirect_stdout(printed):
            code = main(["verify", str(bundle), "--trust", str(self.trust), *options])
        return code, printed.getvalue()


@pytest.fixture
def house(folder, transactional_db, monkeypatch):
    """A registry to which nobody has come yet but the vendor."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "seen"))
    with sequenced_by_caller():
        cast = Cast(FOUNDED)
        with served(lambda: cast.now) as url, httpx2.Client(base_url=url) as web:
            yield House(cast, folder, web)


@contextmanager
def without_network() -> Iterator[None]:
    """Whoever asks for a socket gets an error."""

    def refused(*_: object, **__: object) -> None:
        raise OSError("no network here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", refused)
        yield
