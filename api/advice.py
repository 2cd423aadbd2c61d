"""What to do about a line of a list that was refused, in the four languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Sentences = Mapping[str, str]

THERE: Final[Sentences] = {
    "en": "It is there already; nothing was changed.",
    "ja": "すでに受け付けています。変更はありません。",
    "fr": "Elle s’y trouve déjà ; rien n’a été modifié.",
    "nl": "Het is er al; er is niets gewijzigd.",
}

_NEW_LIST: Final[Sentences] = {
    "en": "Fetch a new list, and sign this work again from it.",
    "ja": "新しい一覧を取得し、この作品に署名し直してください。",
    "fr": "Demandez une nouvelle liste et signez à nouveau pour cette œuvre.",
    "nl": "Haal een nieuwe lijst op en onderteken daarmee opnieuw voor dit werk.",
}

# By the codes of ``problems.KINDS`` that a single line can have. Any other one is about the registry itself.
TO_DO: Final[Mapping[str, Sentences]] = {
    "malformed": {
        "en": "Sign this work again from an unchanged list.",
        "ja": "変更を加えていない一覧から、この作品に署名し直してください。",
        "fr": "Signez à nouveau pour cette œuvre à partir d’une liste non modifiée.",
        "nl": "Onderteken opnieuw voor dit werk vanaf een ongewijzigde lijst.",
    },
    "not_allowed": {
        "en": "Let the party that signed it hand it in, with a key that counts by now.",
        "ja": "署名した当事者が、すでに有効となった鍵で提出してください。",
        "fr": "Faites-la remettre par la partie qui l’a signée, avec une clé déjà valable.",
        "nl": "Laat de partij die het ondertekende het inleveren, met een sleutel die nu telt.",
    },
    "bad_signature": {
        "en": "Sign it again with the key that this registry knows.",
        "ja": "この登録簿に登録された鍵で署名し直してください。",
        "fr": "Signez à nouveau avec la clé que ce registre connaît.",
        "nl": "Onderteken opnieuw met de sleutel die dit register kent.",
    },
    "not_found": {
        "en": "Wait until what it builds on is in the log, then hand it in again; or fetch a new list.",
        "ja": "前提となる記録がログに載るのを待って再提出するか、新しい一覧を取得してください。",
        "fr": "Attendez que le journal contienne ce qu’elle suppose et remettez-la ; ou demandez une nouvelle liste.",
        "nl": "Wacht tot waar het op steunt in het logboek staat en lever het opnieuw in; of haal een nieuwe lijst op.",
    },
    "not_available": {
        "en": "Leave it out: this registry cannot take it yet.",
        "ja": "この登録簿ではまだ受け付けられないため、一覧から除いてください。",
        "fr": "Retirez-la : ce registre ne peut pas encore la recevoir.",
        "nl": "Laat het weg: dit register kan het nog niet aannemen.",
    },
    "conflict": _NEW_LIST,
    "rule": _NEW_LIST,
}
