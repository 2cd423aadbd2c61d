"""Who plays, and what they made. Invented, all of it: hosts end in ``.example``, names say so."""

from __future__ import annotations

from dataclasses import dataclass

SITE = "https://whale-clock.example/film/"
SHELF = "https://block-forest.example/manga/"


@dataclass(frozen=True, slots=True)
class Role:
    """A party.

    Args:
        kind: of ``vocabulary.PARTY_KINDS``.
        names: by language.
        members: roles, of a committee.
    """

    kind: str
    names: dict[str, str]
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a work, generated.

    Args:
        count: how many.
        pattern: file name by number.
    """

    count: int
    pattern: str
    media_type: str

    def names(self) -> list[str]:
        """Their names in order."""
        return [self.pattern.format(number) for number in range(1, self.count + 1)]

    @staticmethod
    def content(name: str) -> bytes:
        """The bytes of a file: as good as any for a digest."""
        return f"Prior Consent demo, invented file {name}\n".encode()


@dataclass(frozen=True, slots=True)
class Piece:
    """A work.

    Args:
        by: role of the registrant, who also claims its names.
        titles: language, form, text.
        shares: right and role; empty: nobody has recorded a share set.
        links: kind and work.
        places: ``prefix:`` and ``host:`` names, and ``url:`` names beside those of the files.
        folder: where each file also has a URL of its own; empty: nowhere.
    """

    kind: str
    by: str
    titles: tuple[tuple[str, str, str], ...]
    shares: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    files: tuple[Files, ...] = ()
    places: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()
    folder: str = ""
    date: str = ""
    printed: str = ""


ROLES = {
    "association": Role(
        "association",
        {"ja": "架空映像権利者協会（架空）", "en": "Association of Imaginary Picture Rights Holders (invented)"},
    ),
    "studio": Role("organisation", {"ja": "スタジオ灯台守（架空）", "en": "Studio Lighthouse Keeper (invented)"}),
    "broadcaster": Role("organisation", {"ja": "霧笛放送（架空）", "en": "Foghorn Broadcasting (invented)"}),
    "toy_maker": Role("organisation", {"ja": "ぜんまい潮玩具（架空）", "en": "Spring Tide Toys (invented)"}),
    "committee": Role(
        "committee",
        {"ja": "「鯨時計」製作委員会（架空）", "en": "Whale Clock Production Committee (invented)"},
        members=("studio", "broadcaster", "toy_maker"),
    ),
    "publisher": Role("organisation", {"ja": "積木森書房（架空）", "en": "Block Forest Press (invented)"}),
    "vendor_a": Role("ai_vendor", {"ja": "雲糸計算（架空）", "en": "Cloudthread Computing (invented)"}),
    "vendor_b": Role("ai_vendor", {"ja": "石英鷺模型（架空）", "en": "Quartz Heron Models (invented)"}),
    "stranger": Role("organisation", {"ja": "通りすがり画像（架空）", "en": "Passer-by Pictures (invented)"}),
}

_COMMITTEE = (("copyright", "broadcaster"), ("copyright", "studio"), ("copyright", "toy_maker"))
_PRINTED = "©積木森書房・「鯨時計」製作委員会"


def _episode(number: int, kanji: str) -> Piece:
    return Piece(
        kind="episode",
        by="studio",
        titles=(
            ("ja", "main", f"鯨時計 第{kanji}話"),
            ("ja-Latn", "romaji", f"Kujira-dokei dai {number} wa"),
            ("en", "translated", f"The Whale Clock, episode {number}"),
        ),
        shares=_COMMITTEE,
        links=(("based_on", "manga"), ("part_of", "film")),
        files=(Files(40, f"episode-{number}-cut-{{:03}}.mp4", "video/mp4"),),
        places=(f"prefix:{SITE}episode-{number}/",),
        date="2025-10",
        printed=_PRINTED,
    )


WORKS = {
    "manga": Piece(
        kind="manga",
        by="publisher",
        titles=(
            ("ja", "main", "灯台守の鯨時計"),
            ("ja", "kana", "とうだいもりのくじらどけい"),
            ("ja-Latn", "romaji", "Tōdaimori no kujira-dokei"),
            ("en", "translated", "The Lighthouse Keeper’s Whale Clock"),
        ),
        shares=(("copyright", "publisher"),),
        files=(Files(60, "manga-page-{:03}.png", "image/png"),),
        places=(f"prefix:{SHELF}",),
        numbers=(("block-forest", "BF-0042"),),
        date="2019",
        printed="©積木森書房",
    ),
    "character": Piece(
        kind="character",
        by="publisher",
        titles=(("ja", "main", "時計鯨のナギ"), ("en", "translated", "Nagi the Clock Whale")),
        shares=(("copyright", "publisher"), ("mark", "toy_maker")),
        files=(Files(24, "nagi-sheet-{:03}.png", "image/png"),),
        places=("host:nagi.block-forest.example",),
        date="2019",
        printed="©積木森書房",
    ),
    "film": Piece(
        kind="film",
        by="studio",
        titles=(
            ("ja", "main", "劇場版 鯨時計"),
            ("ja-Latn", "romaji", "Gekijōban kujira-dokei"),
            ("en", "translated", "The Whale Clock: The Film"),
        ),
        shares=_COMMITTEE,
        links=(("based_on", "manga"), ("depicts", "character")),
        files=(Files(80, "film-reel-{:03}.mp4", "video/mp4"),),
        places=(f"prefix:{SITE}", "host:whale-clock.example"),
        numbers=(("whale-clock", "FILM-1"),),
        folder=f"{SITE}reels/",
        date="2025-07-18",
        printed=_PRINTED,
    ),
    "episode_1": _episode(1, "一"),
    "episode_2": _episode(2, "二"),
    "episode_3": _episode(3, "三"),
    "theme": Piece(
        kind="music",
        by="broadcaster",
        titles=(("ja", "main", "鯨時計のワルツ"), ("en", "translated", "Whale Clock Waltz")),
        shares=(("copyright", "broadcaster"), ("performer", "broadcaster"), ("phonogram", "broadcaster")),
        files=(Files(16, "waltz-take-{:03}.flac", "audio/flac"),),
        places=("prefix:https://foghorn.example/waltz/",),
        date="2025-06",
    ),
    "poster": Piece(
        kind="image",
        by="toy_maker",
        titles=(("ja", "main", "鯨時計 告知ポスター"), ("en", "translated", "The Whale Clock: Poster")),
        shares=(("copyright", "toy_maker"),),
        files=(Files(8, "poster-{:03}.png", "image/png"),),
        places=("host:posters.spring-tide.example",),
        date="2025",
    ),
    # Registered, but nobody has recorded who holds it: nothing can be granted.
    "artbook": Piece(
        kind="book",
        by="studio",
        titles=(("ja", "main", "鯨時計 設定画集"), ("en", "translated", "The Whale Clock: Sketchbook")),
        files=(Files(12, "sketch-{:03}.png", "image/png"),),
        date="2026",
    ),
}

# What the stranger says is a picture of its own.
FOUND = Piece(kind="image", by="stranger", titles=(("en", "main", "Found picture"),))
CONTESTED = f"{SITE}reels/film-reel-007.mp4"

LICENCE_TITLE = "Training with invented pictures"
LICENCE_TEXTS = {
    "en": "The licensee may train the named models with the named works. It passes nothing on, and deletes its"
    " copies when the permission ends. This text is invented.\n",
    "ja": "被許諾者は、指定された作品を用いて指定されたモデルを学習させることができます。複製物を第三者に"
    "渡さず、許諾の終了時に削除します。この文章は架空のものです。\n",
}
