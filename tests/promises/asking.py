"""A stranger who asks the server by HTTP, at the cast's clock; the server has only what was published."""

from dataclasses import dataclass
from typing import Any

from tests.api.conftest import client_at, problem
from tests.cast import FILM_FILE, Cast

DECISIONS = "/api/v1/decisions"


@dataclass(frozen=True)
class Told:
    """What came back.

    Args:
        verdict, reason: of the decision; of a refusal to answer the verdict is empty, the reason its code.
    """

    verdict: str
    reason: str


def question(cast: Cast, **other: Any) -> dict[str, str]:
    """What the usual grant permits; ``None`` leaves a member out."""
    usual = {
        "sha256": FILM_FILE,
        "use": "train.generative",
        "vendor": cast.vendor.party,
        "territory": "JP",
        "modality": "video",
        "model": "A-Video",
        "distribution": "internal",
    }
    return {name: value for name, value in (usual | other).items() if value is not None}


def ask(cast: Cast, **other: Any) -> Told:
    response = client_at(cast.now).get(DECISIONS, question(cast, **other))
    if response.status_code != 200:
        return Told("", problem(response))
    told = response.json()
    return Told(told["verdict"], told["reason"])
