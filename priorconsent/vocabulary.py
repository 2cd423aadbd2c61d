"""The closed lists of words that records use (docs/spec/words.md).

A code outside its list is kept where it stands and means no; it is never guessed at.
"""

from __future__ import annotations

from typing import Final

ANY: Final = "*"

PARTY_KINDS = frozenset({"organisation", "committee", "association", "ai_vendor", "person"})
# A grant's leaf is public, so a holder of kind ``person`` waits for confidential grants.
HOLDER_KINDS = PARTY_KINDS - {"committee", "person"}

WORK_KINDS = frozenset(
    "franchise series film episode game manga book music image text software character voice likeness mark".split()
)

RIGHTS = frozenset("copyright moral performer phonogram broadcast likeness_voice mark".split())
# Rights that must have at least one holder wherever a use concerns them.
RIGHTS_WITH_A_HOLDER = frozenset({"copyright", "likeness_voice"})

LINKS = frozenset({"part_of", "based_on", "contains", "depicts"})
# Links that carry consent; ``part_of`` only tells where a work belongs.
CONSENT_LINKS = frozenset({"based_on", "contains", "depicts"})

USES = frozenset(
    {
        "analyse",
        "protect",
        "train.generative",
        "train.generative.pretrain",
        "train.generative.finetune",
        "train.generative.distil",
        "train.nongenerative",
        "train.nongenerative.pretrain",
        "train.nongenerative.finetune",
        "specialise",
        "evaluate",
        "retrieve",
        "input.user",
        "index.ai",
        "search",
        "generate.expression",
        "generate.character",
        "generate.voice",
        "generate.likeness",
    }
)

BINDINGS = frozenset({"digest", "location", "named"})
MODALITIES = frozenset("text image audio video model3d code data".split())
DISTRIBUTIONS = frozenset({"internal", "api", "open_weights"})

# Both from weakest to strongest.
LEVELS = ("E0", "E1", "E2", "E3")
METHODS = ("account", "passkey", "key")
# What a yes rests on at least, and what is asked for where nobody says more.
LEAST_LEVEL: Final = "E1"
USUAL_METHOD: Final = "passkey"

# ISO 3166-1 alpha-2, the officially assigned codes.
TERRITORIES = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT
    JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN
    MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL
    TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW""".split()
)


def covers(granted: str, asked: str) -> bool:
    """Whether a use code grants another: itself and its descendants."""
    return asked == granted or asked.startswith(granted + ".")


def overlap(one: str, other: str) -> bool:
    """Whether two use codes meet: equal, or one above the other."""
    return covers(one, other) or covers(other, one)


def at_least(scale: tuple[str, ...], value: str, floor: str) -> bool:
    """Whether ``value`` reaches ``floor`` on a scale; an unknown value never does."""
    return value in scale and scale.index(value) >= scale.index(floor)


def lowest(scale: tuple[str, ...], values: list[str]) -> str:
    """The weakest of the values; an unknown one is weaker than all."""
    return min(values, key=lambda value: scale.index(value) if value in scale else -1)
