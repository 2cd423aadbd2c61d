"""After a restored backup: the memory of what was signed last is made anew, where everybody else agrees.

It is for a memory that was lost or is older than the database. A memory that knows of more than the database is
right, and the database is the backup.
"""

from __future__ import annotations

from contextlib import suppress

from priorconsent.errors import ConflictError, SigningError
from priorconsent.log.opening import open_signed
from priorconsent.log.tree import tree_root
from transparency import publisher, signed, witnesses
from transparency.alarms import RestoredBackupError
from transparency.models import Checkpoint, Head
from transparency.signed import Signed
from transparency.store import check_anchor, check_tree, log_policy, own_policy
from transparency.trees import log_nodes

DAMAGED = ".damaged"


def remember_again(*, is_newest: bool) -> Signed:
    """Remember the newest checkpoint of this database as the last one that was signed.

    Args:
        is_newest: the operator's word that no newer database exists, for a log without witnesses.

    Raises:
        RestoredBackupError: the memory, the public files or a witness know of more than is here: bring that back.
        DatabaseChangedError: the database does not hold what it signed.
        SigningError: too few witnesses say what they have seen.
        ConflictError: there are none, and the operator did not say it; or nothing was signed yet.
    """
    head = Head.objects.first()
    newest = Checkpoint.objects.filter(note__isnull=False).order_by("-size").first()
    if head is None or newest is None:
        raise ConflictError("nothing was signed here yet")
    nodes = log_nodes(head.size)
    check_tree(nodes)
    checkpoint = open_signed(bytes(newest.note or b""), log_policy()).checkpoint
    if tree_root(checkpoint.size, nodes) != checkpoint.root:
        raise RestoredBackupError(f"other events are here than the {checkpoint.size} that were signed")
    _check_memory(nodes.size)
    published = publisher.read_checkpoint()
    if published is not None:
        check_anchor(published, nodes)
    _check_witnesses(is_newest=is_newest)
    found = Signed(checkpoint.size, checkpoint.root)
    if signed.path().exists():
        signed.path().replace(signed.path().with_name(signed.path().name + DAMAGED))
    # A crash here: there is none, nothing is signed, and the next call makes it.
    signed.remember(found)
    return found


def _check_memory(size: int) -> None:
    """What the memory still says, if anything can be read of it."""
    last = None
    # One that is damaged, or that of another log, says nothing.
    with suppress(RestoredBackupError):
        last = signed.read()
    if last is not None and last.size > size:
        raise RestoredBackupError(f"{last.size} events were signed, but only {size} are here; {signed.HOW_TO_GO_ON}")


def _check_witnesses(*, is_newest: bool) -> None:
    if not own_policy().witnesses and not is_newest:
        raise ConflictError("no witness can say whether this is the newest database; say so yourself: --newest")
    witnesses.check_not_restored()
    if not witnesses.may_sign():
        raise SigningError("too few witnesses say what they have seen of this log; try again when they answer")
