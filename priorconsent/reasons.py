"""Every reason that an answer can have, with a sentence for people (docs/spec/decision.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources


class Verdict(StrEnum):
    """What the asker may do."""

    PERMITTED = "permitted"
    NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and what it means.

    Args:
        step: of the decision table; 0 for a check that failed before deciding, 14 for the yes.
        sentences: by language; none says more than that this registry recorded something or nothing.
    """

    code: str
    step: int
    sentences: dict[str, str]

    def sentence(self, language: str) -> str:
        """The sentence in a language, else in English."""
        return self.sentences.get(language, self.sentences["en"])


GRANTED_STEP = 14

REASONS: dict[str, Reason] = {
    entry["code"]: Reason(**entry)
    for entry in json.loads(resources.files("priorconsent").joinpath("reasons.json").read_bytes())
}
