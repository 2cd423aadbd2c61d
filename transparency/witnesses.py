"""What the witnesses have seen of this log before: a database that came back from a backup must not go on by itself.

1. ``check_not_restored``, before a process logs or signs anything for the first time: no witness has seen more of
   the log than is here, nor something else.
2. ``may_sign``: enough of them answered to meet the quorum.

What a witness *says* never stops this log from signing; what this log *signed*, shown by a witness, does.
``countersigning`` asks them for their lines.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings

from priorconsent.errors import PriorConsentError
from priorconsent.log.opening import open_signed
from priorconsent.log.policy import Policy, Witness
from priorconsent.log.tree import tree_root
from priorconsent.witness import asking
from transparency.alarms import RestoredBackupError
from transparency.files import write_file
from transparency.last_signed import HOW_TO_GO_ON
from transparency.models import Head
from transparency.policies import log_policy, own_policy
from transparency.trees import log_nodes

# A witness that did not answer is not asked again for a while what it has seen.
PAUSE_S = 5.0

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Memory:
    """What this process knows of the witnesses of one log.

    Args:
        heard: URLs of those that showed nothing against what is here.
        asked: when the others were asked last, by a clock of no date; ``None``: never.
        sizes: what each cosigned last, by URL; a guess.
    """

    heard: set[str] = field(default_factory=set)
    asked: float | None = None
    sizes: dict[str, int] = field(default_factory=dict)


_memories: dict[Hashable, Memory] = {}


def forget() -> None:
    """As a new process would begin."""
    _memories.clear()


def check_not_restored() -> int:
    """Ask each witness that was not heard yet what it has seen of this log.

    Returns:
        How many were heard by now.

    Raises:
        RestoredBackupError: something that this log signed, and that is not here. It is kept as proof.
    """
    known, witnesses = memory(), by_url(own_policy())
    unheard = [url for url in witnesses if url not in known.heard]
    if not unheard or (known.asked is not None and time.monotonic() < known.asked + PAUSE_S):
        return len(known.heard)
    for url, seen in _all_at_once(unheard, lambda url: asking.latest(url, settings.PRIORCONSENT_ORIGIN)).items():
        if isinstance(seen, PriorConsentError):
            logger.warning("a witness does not tell what it has seen: %s", seen)
        elif seen is None or _is_here(url, seen):
            known.heard.add(url)
    known.asked = time.monotonic()
    return len(known.heard)


def may_sign() -> bool:
    """Whether this process heard enough witnesses to know that its log is the newest."""
    policy = own_policy()
    heard = {one.name for url, some in by_url(policy).items() if url in memory().heard for one in some}
    return not policy.missing({*heard, *(one.name for one in policy.witnesses if policy.is_own(one))})


def memory() -> Memory:
    """What this process knows of the witnesses that are asked now."""
    place = (settings.PRIORCONSENT_DATA, settings.PRIORCONSENT_ORIGIN, settings.PRIORCONSENT_WITNESS_POLICY)
    return _memories.setdefault(place, Memory())


def by_url(policy: Policy) -> dict[str, list[Witness]]:
    """Witnesses by where they are asked; one of them may have two keys. The log itself is none."""
    found: dict[str, list[Witness]] = {}
    for one in policy.witnesses:
        if one.url is not None and not policy.is_own(one):
            found.setdefault(one.url, []).append(one)
    return found


def _is_here(url: str, seen: bytes) -> bool:
    """Whether what a witness shows is a beginning of what is here.

    Returns:
        False if it is nothing of ours: then nobody knows.

    Raises:
        RestoredBackupError: it is ours, and not here.
    """
    try:
        checkpoint = open_signed(seen, log_policy()).checkpoint
    except PriorConsentError as error:
        logger.warning("the witness at %s shows what this log did not sign: %s", url, error)
        return False
    # Read after it was shown: what is signed was logged here before.
    size = Head.now().size
    if checkpoint.size <= size and tree_root(checkpoint.size, log_nodes(size)) == checkpoint.root:
        return True
    name = f"{checkpoint.size}-{checkpoint.root.hex()[:16]}.note"
    write_file(settings.PRIORCONSENT_DATA / "contradictions" / name, seen)
    told = f"only {size} events are here" if checkpoint.size > size else "other events are here"
    raise RestoredBackupError(
        f"the witness at {url} saw {checkpoint.size} events, signed by this log, and {told} "
        f"(contradictions/{name}); {HOW_TO_GO_ON}"
    )


def _all_at_once(urls: list[str], ask: Callable[[str], T]) -> Mapping[str, T | PriorConsentError]:
    def answer(url: str) -> T | PriorConsentError:
        try:
            return ask(url)
        except PriorConsentError as error:
            return error

    with ThreadPoolExecutor(len(urls), thread_name_prefix="witnesses") as pool:
        return dict(zip(urls, pool.map(answer, urls), strict=True))
