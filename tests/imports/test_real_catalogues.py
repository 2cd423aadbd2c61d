"""The real catalogues, where they lie beside the checkout: imported, imported again, and in a changed version."""

import csv
import io

import pytest

from registry.models import Identifier, Import, SuggestedHolder, Work, WorkChange
from tests.imports.conftest import LATER, MAPS, NOW, everything, numbered, real

ANIME, MEDIA_ARTS = MAPS / "anime.toml", MAPS / "media_arts.toml"


def changed(path, key, changes, without, new):
    """A later version of the file.

    Args:
        changes: number → cells that are different.
        without: number of a row that is gone.
        new: cells of a row that is new.
    """
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    columns = list(rows[0])
    later = [row | changes.get(row[key], {}) for row in rows if row[key] != without]
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="")
    writer.writeheader()
    writer.writerows([*later, new])
    return file.getvalue().encode()


def history(number, scheme):
    changes = WorkChange.objects.filter(work__identifiers__scheme=scheme, work__identifiers__value=number)
    return {change.member: (change.old, change.new) for change in changes}


def test_the_anime_catalogue_comes_in_with_co_holders_and_open_sources(importing):
    assert importing(real("anime_works.csv"), ANIME).added == 1300
    haruhi = numbered("849", "mal")
    names = list(haruhi.suggested_holders.values_list("name", flat=True))
    assert names == ["Lantis", "Kadokawa Shoten", "Rakuonsha", "KlockWorx"]
    assert [link.said for link in haruhi.suggested_links.all()] == ["Light novel"]
    assert not numbered("798", "mal").suggested_links.exists()
    assert [problem.problem for problem in importing.problems] == ["not in Unicode Normalization Form C"]


def test_the_media_arts_database_comes_in_with_years_and_without_holders_and_keeps_namesakes_apart(importing):
    assert importing(real("media_arts_works.csv"), MEDIA_ARTS).added == 3236
    assert not SuggestedHolder.objects.exists()
    assert Work.objects.filter(date__regex=r"^[0-9]{4}$").count() == 1475
    # 名探偵コナン, a film of a manga that the catalogue does not tell of: its source stays open.
    assert [link.said for link in numbered("C411187", "madb").suggested_links.all()] == [""]
    # 浦島太郎, two films; CLANNAD, a film of 2007 and a game of 2004.
    for title, pair in (("浦島太郎", {"C409441", "C412842"}), ("CLANNAD", {"C411500", "C33648"})):
        found = Identifier.objects.filter(work__titles__text=title, work__titles__lang="ja")
        assert pair == set(found.values_list("value", flat=True))
        assert found.values("work").distinct().count() == 2


@pytest.mark.parametrize(
    ("name", "chart", "rows"), [("anime_works.csv", ANIME, 1300), ("media_arts_works.csv", MEDIA_ARTS, 3236)]
)
def test_a_real_catalogue_imported_again_changes_nothing(importing, name, chart, rows):
    importing(real(name), chart)
    before = everything()
    assert importing(real(name), chart, LATER).unchanged == rows
    assert everything() == before
    assert Import.objects.get().started_at == NOW


def test_a_later_version_of_the_anime_catalogue_updates_with_history(importing):
    path = real("anime_works.csv")
    importing(path, ANIME)
    later = changed(
        path,
        "mal_id",
        {
            "849": {"producers": "Lantis|Kadokawa|KlockWorx", "title_english": "Haruhi"},
            "558": {"aired_from": "2005-12-11T00:00:00+00:00"},
            "798": {"source": "Manga"},
        },
        without="576",
        new={"mal_id": "999999", "title": "Kaze no Machi", "source": "Original"},
    )
    summary = importing(later, ANIME, LATER)
    assert (summary.added, summary.changed, summary.unchanged) == (1, 3, 1296)
    gone = [["Kadokawa Shoten", "copyright", ""], ["Rakuonsha", "copyright", ""]]
    assert history("849", "mal")["holders"] == (gone, [["Kadokawa", "copyright", ""]])
    assert history("849", "mal")["titles"][1] == [["en", "translated", "Haruhi"]]
    assert history("558", "mal") == {"date": ("2005-12-10", "2005-12-11")}
    assert numbered("558", "mal").date == "2005-12-11"
    assert history("798", "mal") == {"links": ([], [["based_on", "Manga"]])}
    assert numbered("576", "mal").titles.filter(text="マジカノ").exists()
    assert numbered("999999", "mal").date == ""
    assert importing(later, ANIME, LATER).unchanged == 1300


def test_a_later_version_of_the_media_arts_database_updates_with_history(importing):
    path = real("media_arts_works.csv")
    importing(path, MEDIA_ARTS)
    later = changed(
        path,
        "madb_id",
        {
            # A film without a date, a game of which the year was known, and a title that was mended.
            "C409347": {"date": "1928"},
            "C34301": {"date": "2003-09-05", "copyright_holder": "Invented Holder ／ Another"},
            "C33648": {"title_ja": "CLANNAD -クラナド-"},
            "C7156": {"original_work_creator": ""},
        },
        without="C412842",
        new={"kind": "anime_film", "madb_id": "C999999", "title_ja": "浦島太郎", "date": "1931"},
    )
    before = numbered("C34301", "madb").date
    summary = importing(later, MEDIA_ARTS, LATER)
    assert (summary.added, summary.changed, summary.unchanged) == (1, 4, 3231)
    assert history("C409347", "madb") == {"date": ("", "1928")}
    assert history("C34301", "madb")["date"] == (before, "2003-09-05")
    assert numbered("C34301", "madb").date == "2003-09-05"
    assert history("C34301", "madb")["holders"][1] == [
        ["Invented Holder", "copyright", ""],
        ["Another", "copyright", ""],
    ]
    assert history("C33648", "madb")["titles"] == ([["ja", "main", "CLANNAD"]], [["ja", "main", "CLANNAD -クラナド-"]])
    assert history("C7156", "madb") == {"links": ([["based_on", "[原作]西尾維新"]], [["based_on", ""]])}
    # The row that is gone stays a work, beside its namesakes.
    assert Work.objects.filter(titles__text="浦島太郎", titles__lang="ja").count() == 3
    assert {change.source.catalogue for change in WorkChange.objects.all()} == {"media_arts"}
    assert importing(later, MEDIA_ARTS, LATER).unchanged == 3236
