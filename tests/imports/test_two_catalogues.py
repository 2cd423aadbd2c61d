"""Several catalogues of one registrant tell of the same work: each takes back its own word only."""

from registry.models import CatalogueEntry, Work, WorkChange
from tests.imports.conftest import LATER, MAP, catalogue

OTHER = MAP.replace('catalogue = "ours"', 'catalogue = "theirs"')


def said(work):
    return (
        {title.text for title in work.titles.all()},
        {holder.name for holder in work.suggested_holders.all()},
        {link.said for link in work.suggested_links.all()},
    )


def test_what_one_catalogue_says_the_other_adds_to_and_takes_nothing_from(importing):
    importing(catalogue("1,tv,風の町,,2024,,Studio A,,Manga"))
    assert importing(catalogue("1,tv,風の街,,2024,,Studio B,,Novel"), OTHER).changed == 1
    both = ({"風の町", "風の街"}, {"Studio A", "Studio B"}, {"Manga", "Novel"})
    work = Work.objects.get()
    assert said(work) == both
    for chart, row in ((MAP, "1,tv,風の町,,2024,,Studio A,,Manga"), (OTHER, "1,tv,風の街,,2024,,Studio B,,Novel")):
        assert importing(catalogue(row), chart, LATER).unchanged == 1
        assert said(work) == both


def test_a_catalogue_takes_back_only_what_nobody_else_says(importing):
    importing(catalogue("1,tv,風の町,,,,Studio A|Studio B,,Manga"))
    importing(catalogue("1,tv,風の町,,,,Studio B|Studio C,,Manga"), OTHER)
    importing(catalogue("1,tv,海の声,,,,Studio D,,Original"), now=LATER)
    work = Work.objects.get()
    assert said(work) == ({"風の町", "海の声"}, {"Studio B", "Studio C", "Studio D"}, {"Manga"})
    change = WorkChange.objects.get(member="holders", source__started_at=LATER)
    assert (change.old, change.new) == ([["Studio A", "copyright", ""]], [["Studio D", "copyright", ""]])
    importing(catalogue("1,tv,海の声,,,,Studio D,,Original"), OTHER)
    assert said(work) == ({"海の声"}, {"Studio D"}, set())


def test_a_date_that_another_catalogue_told_stays_and_is_reported_once(importing):
    importing(catalogue("1,tv,風の町,,2024-05,,,,Original"))
    importing(catalogue("1,tv,風の町,,1999,,,,Original"), OTHER)
    assert importing.places == [("note", 2, "date")]
    assert "'1999', where '2024-05' is known" in importing.problems[0].problem
    assert Work.objects.get().date == "2024-05"
    importing(catalogue("1,tv,風の町,,1999,,,,Original"), OTHER)
    assert importing.places == []


def test_a_date_that_is_taken_back_leaves_the_one_that_another_catalogue_told(importing):
    importing(catalogue("1,tv,風の町,,2024-05,,,,Original"))
    importing(catalogue("1,tv,風の町,,1999,,,,Original"), OTHER)
    importing(catalogue("1,tv,風の町,,,,,,Original"), now=LATER)
    assert Work.objects.get().date == "1999"
    importing(catalogue("1,tv,風の町,,,,,,Original"), OTHER)
    assert Work.objects.get().date == ""


def test_a_date_that_nobody_told_so_far_is_filled_in(importing):
    importing(catalogue("1,tv,風の町,,,,,,Original"))
    importing(catalogue("1,tv,風の町,,1999,©A,,,Original"), OTHER)
    importing(catalogue("1,tv,風の町,,,,,,Original"), now=LATER)
    assert (Work.objects.get().date, Work.objects.get().rights_statement) == ("1999", "©A")


def test_what_a_person_entered_survives_every_catalogue(importing):
    importing(catalogue("1,tv,風の町,,2024,,Studio A,,Original"))
    work = Work.objects.get()
    work.titles.create(lang="ja", form="main", text="風の町・完全版")
    work.suggested_holders.create(name="Studio Z", right="copyright")
    importing(catalogue("1,tv,海の声,,2025,,Studio B,,Original"), now=LATER)
    assert said(work) == ({"海の声", "風の町・完全版"}, {"Studio B", "Studio Z"}, set())


def test_a_column_that_the_map_does_not_read_for_once_takes_nothing_back(importing):
    importing(catalogue("1,tv,風の町,カゼ,2024,©A,Studio A,,Manga"))
    start, end = MAP.index('[[titles]]\ncolumn = "kana"'), MAP.index("[[holders]]")
    less = (MAP[:start] + MAP[end : MAP.index("[[holders]]")]).replace('date = { column = "date" }\n', "")
    less = less.replace('rights_statement = "printed"\n', "")
    assert importing(catalogue("1,tv,風の町,x,1,y,z,,w"), less, LATER).unchanged == 1
    work = Work.objects.get()
    assert (work.date, work.rights_statement) == ("2024", "©A")
    assert said(work) == ({"風の町", "カゼ"}, {"Studio A"}, {"Manga"})
    importing(catalogue("1,tv,風の町,カゼ,2024,©A,Studio B,,Manga"), now=LATER)
    assert said(work) == ({"風の町", "カゼ"}, {"Studio B"}, {"Manga"})


def test_an_entry_goes_with_its_work(importing):
    importing(catalogue())
    Work.objects.all().delete()
    assert not CatalogueEntry.objects.exists()
