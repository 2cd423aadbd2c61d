"""Going on after the memory of what was signed last was lost, or came back from an old backup.

It is made anew only where everybody who may have seen more of the log was looked at, and nobody has: the public
files, the checkpoint for monitors, and the witnesses. A database that is older than any of them is never made to go
on: it would sign another history, and everybody could prove that.
"""

from __future__ import annotations

from dataclasses import dataclass

from priorconsent.errors import NotFoundError, QuorumError
from transparency import last_signed, publisher, witnesses
from transparency.alarms import RestoredBackupError
from transparency.anchors import check_anchor, check_tree
from transparency.last_signed import Signed
from transparency.models import Checkpoint
from transparency.trees import log_nodes


@dataclass(frozen=True, slots=True)
class Resumed:
    """From where signing goes on.

    Args:
        size: of the newest checkpoint that is signed here.
        before: what was remembered until now; ``None``: nothing that could be read.
        heard: how many witnesses were looked at.
    """

    size: int
    before: int | None
    heard: int


def resume() -> Resumed:
    """Remember the newest checkpoint that is signed in this database as the last one.

    Raises:
        RestoredBackupError: more was signed than is here, or something else; nothing was done.
        QuorumError: too few witnesses tell what they have seen; nothing was done.
        NotFoundError: nothing is signed here.
    """
    newest = Checkpoint.newest(note__isnull=False)
    if newest is None:
        raise NotFoundError("nothing is signed in this database")
    # 1. The rows lead to what they say was signed, and go on from what the public was shown.
    nodes = log_nodes(Checkpoint.objects.order_by("-size")[0].size)
    check_tree(nodes)
    for note in publisher.read_all_shown():
        check_anchor(note, nodes)
    # 2. So do the witnesses, all that answer; and those who answer are enough.
    witnesses.forget()
    heard = witnesses.check_not_restored()
    if not witnesses.may_sign():
        raise QuorumError("too few witnesses tell what they have seen of this log")
    # 3. So does the memory, if it can be read; it is not made to forget.
    before, last = _before(), Signed(newest.size, bytes(newest.root))
    if before is not None:
        last_signed.compare(before, nodes)
        last = max(last, before, key=lambda one: one.size)
    last_signed.replace(last)
    return Resumed(last.size, before.size if before else None, heard)


def _before() -> Signed | None:
    try:
        return last_signed.read()
    except RestoredBackupError:
        # Damaged, or of another log: it says nothing about this one.
        return None
