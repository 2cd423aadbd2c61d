"""What the registry keeps beside the log: names, titles, documents, checks.

None of it decides: what decides is in the log. Instants are strings of fixed width, as in records.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry import wording
from registry.fields import Grams

URN = 45
DIGEST = 71
TIME = 20
CODE = 100
NAME = 4200


class Party(models.Model):
    """Who holds, signs, asks or speaks for others; in the log only its pseudonym and its kind."""

    urn = models.CharField(max_length=URN, unique=True)
    kind = models.CharField(max_length=20)
    members = models.ManyToManyField("self", symmetrical=False, related_name="committees")
    added_at = models.CharField(max_length=TIME)

    def __str__(self) -> str:
        return self.urn

    def name(self, lang: str = "en") -> str:
        """The name in a language, else in any; of a party without a name, its pseudonym."""
        names = {name.lang: name.text for name in self.names.all()}
        return names.get(lang) or next(iter(names.values()), self.urn)


class PartyName(models.Model):
    """A party's name in one language (BCP 47)."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="names")
    lang = models.CharField(max_length=35)
    text = models.CharField(max_length=1000)

    class Meta:
        ordering = ["lang"]
        constraints = [models.UniqueConstraint(fields=["party", "lang"], name="party_name_once")]

    def __str__(self) -> str:
        return self.text


class PartyIdentifier(models.Model):
    """A number under which a party is known elsewhere, such as a corporate number."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="identifiers")
    scheme = models.CharField(max_length=40)
    value = models.CharField(max_length=200)

    class Meta:
        ordering = ["scheme", "value"]
        constraints = [models.UniqueConstraint(fields=["party", "scheme", "value"], name="party_identifier_once")]

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


class PartyKeyRecord(models.Model):
    """Whose key a key id stands for. ``record`` null: erased on request; the log keeps the id alone.

    ``bound_by`` is the key id of the key that vouched for it, empty if none did.
    """

    key = models.CharField(max_length=DIGEST, unique=True)
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="key_records")
    record = models.BinaryField(null=True)
    bound_by = models.CharField(max_length=DIGEST, blank=True)
    received_at = models.CharField(max_length=TIME)

    def __str__(self) -> str:
        return self.key


class Work(models.Model):
    """What people call a work and print on it; a title never identifies one.

    ``claim``: digest of the registrant's claim that waits for the log, or was logged; empty: none was handed in.
    """

    urn = models.CharField(max_length=URN, unique=True)
    kind = models.CharField(max_length=20)
    registrant = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="registered_works")
    date = models.CharField(max_length=10, blank=True)
    # Verbatim as printed, not even normalised: the form of a character can tell one name from another.
    rights_statement = models.TextField(blank=True)
    added_at = models.CharField(max_length=TIME)
    # Rows that come by COPY do not name it.
    claim = models.CharField(max_length=DIGEST, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return self.urn

    def title(self, lang: str = "en") -> str:
        """The main title in a language, else any title, else the id."""
        titles = sorted(self.titles.all(), key=lambda title: (title.lang != lang, title.form != "main"))
        return titles[0].text if titles else self.urn


class WorkTitle(models.Model):
    """A title in one language and one form."""

    # The constraint below begins with the work: an index of its own would only slow imports down.
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="titles", db_index=False)
    lang = models.CharField(max_length=35)
    form = models.CharField(max_length=11, choices=[(form, form.title()) for form in wording.TITLE_FORMS])
    text = models.CharField(max_length=1000)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["work", "lang", "form", "text"], name="work_title_once")]

    def __str__(self) -> str:
        return self.text


class SearchEntry(models.Model):
    """Where a work is found by its titles; made from them alone by ``registry.search_entries``, never changed.

    ``id``: in the order in which works are shown: length of the main title, then the work's own key.
    """

    id = models.BigIntegerField(primary_key=True)
    # Made in bulk beside the work; the database need not look whether it is there.
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="search_entries", db_constraint=False)
    keys = models.TextField()
    grams = Grams()

    def __str__(self) -> str:
        return self.keys


class Identifier(models.Model):
    """A number under which a work is known; a work may have several, and old ones stay."""

    # The constraint below begins with the work: an index of its own would only slow imports down.
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="identifiers", db_index=False)
    scheme = models.CharField(max_length=40)
    value = models.CharField(max_length=200)

    class Meta:
        ordering = ["scheme", "value"]
        constraints = [models.UniqueConstraint(fields=["work", "scheme", "value"], name="work_identifier_once")]
        indexes = [models.Index(fields=["scheme", "value"], name="work_identifier_value")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As the map names it."""
        return f"id:{self.scheme}:{self.value}"


class Asset(models.Model):
    """One file of a work, by the digest of its bytes."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="assets")
    sha256 = models.CharField(max_length=DIGEST, db_index=True)
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=100)

    class Meta:
        ordering = ["sha256"]
        constraints = [
            models.UniqueConstraint(fields=["work", "sha256"], name="asset_once"),
            models.CheckConstraint(condition=Q(size_bytes__gte=0), name="asset_size"),
        ]

    def __str__(self) -> str:
        return self.sha256


class Locator(models.Model):
    """A place of a work: ``url:``, ``prefix:`` or ``host:``, in canonical spelling."""

    # The constraint below begins with the work: an index of its own would only slow imports down.
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="locators", db_index=False)
    name = models.CharField(max_length=NAME)
    # PostgreSQL indexes no value of this length.
    name_digest = models.CharField(max_length=DIGEST)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["work", "name_digest"], name="locator_once")]

    def __str__(self) -> str:
        return self.name


class ShareSet(models.Model):
    """A version of the holders and links of a work, and how far it is on its way into the log."""

    class State(models.TextChoices):
        """``sent`` waits for its place in the log; ``refused`` and ``logged`` are final."""

        PROPOSED = "proposed"
        SENT = "sent"
        LOGGED = "logged"
        REFUSED = "refused"

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="share_sets")
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=DIGEST, unique=True)
    document = models.BinaryField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.PROPOSED)
    reason = models.TextField(blank=True)
    proposed_at = models.CharField(max_length=TIME)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["work", "version"], name="share_set_version")]

    def __str__(self) -> str:
        return self.digest


class SharesStatement(models.Model):
    """A party's signature under a proposed share set, kept until all are there."""

    share_set = models.ForeignKey(ShareSet, on_delete=models.CASCADE, related_name="statements")
    party = models.CharField(max_length=URN)
    digest = models.CharField(max_length=DIGEST)
    raw = models.BinaryField()

    class Meta:
        ordering = ["party"]
        constraints = [models.UniqueConstraint(fields=["share_set", "party"], name="shares_statement_once")]

    def __str__(self) -> str:
        return self.digest


class RefusalRecord(models.Model):
    """A standing no as it was handed in.

    ``ended_at`` empty: it stands. ``not_logged``: why the log did not take it; empty if it did.
    """

    urn = models.CharField(max_length=URN, unique=True)
    party = models.CharField(max_length=URN, db_index=True)
    vendors = models.JSONField()
    works = models.JSONField()
    uses = models.JSONField()
    received_at = models.CharField(max_length=TIME)
    ended_at = models.CharField(max_length=TIME, blank=True)
    not_logged = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.urn


class Check(models.Model):
    """What an operator saw: evidence level E3 for a share in exactly one share set, or for a name.

    Either ``right`` or ``name`` is set. A right without ``share_set`` was checked before checks named one: that is
    history, and counts for nothing.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="checks")
    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="checks")
    share_set = models.ForeignKey(ShareSet, on_delete=models.CASCADE, related_name="checks", null=True)
    right = models.CharField(max_length=CODE, blank=True)
    name = models.CharField(max_length=NAME, blank=True)
    seen = models.TextField()
    by = models.CharField(max_length=200)
    at = models.CharField(max_length=TIME)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(right="") ^ Q(name=""), name="check_right_or_name"),
            models.CheckConstraint(condition=Q(name="") | Q(share_set=None), name="check_name_without_share_set"),
        ]
        indexes = [models.Index(fields=["party", "work"], name="check_party_work")]

    def __str__(self) -> str:
        return f"{self.right or self.name} of {self.work_id}"


class Import(models.Model):
    """One reading of a catalogue: who, when, and of which bytes.

    ``finished_at`` empty: it was broken off after whole batches; reading the file again completes it.
    """

    registrant = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="imports")
    by = models.CharField(max_length=200)
    catalogue = models.CharField(max_length=CODE, blank=True)
    file = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=DIGEST)
    started_at = models.CharField(max_length=TIME)
    finished_at = models.CharField(max_length=TIME, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.file} of {self.started_at}"


class WorkChange(models.Model):
    """What a later version of a catalogue changed about a work; who and when stands in its import."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="changes")
    source = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="changes")
    member = models.CharField(max_length=20)
    old = models.JSONField()
    new = models.JSONField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.member} of {self.work_id}"


# What only catalogues say decides nothing, and comes in by millions beside its work: the database does not look for the
# work again with each row, which took it as long as all the rest. Whatever is deleted goes through Django, which does.


class CatalogueEntry(models.Model):
    """What a catalogue said about a work when it was last imported: so a later version takes back its own word only.

    ``said`` is ``registry.imports.telling.Said`` in MessagePack; it names holders, and is erased with the work.
    """

    # The constraint below begins with the work: an index of its own would only slow imports down.
    work = models.ForeignKey(
        Work, on_delete=models.CASCADE, related_name="catalogue_entries", db_index=False, db_constraint=False
    )
    catalogue = models.CharField(max_length=CODE)
    said = models.BinaryField()

    class Meta:
        ordering = ["catalogue"]
        constraints = [models.UniqueConstraint(fields=["work", "catalogue"], name="catalogue_entry_once")]

    def __str__(self) -> str:
        return f"{self.catalogue} on {self.work_id}"


class SuggestedHolder(models.Model):
    """Whom a catalogue names beside a work, to the character: a name only, nobody's word, no party yet.

    ``split``: as written; shares in the log have no parts, so it is for people to read.
    """

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="suggested_holders", db_constraint=False)
    name = models.CharField(max_length=1000)
    right = models.CharField(max_length=CODE)
    split = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class SuggestedLink(models.Model):
    """What a catalogue says a work is made from, where no registered work is named."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="suggested_links", db_constraint=False)
    rel = models.CharField(max_length=20)
    said = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.rel} {self.said}"
