"""Catalogues become rows, are found again, and change with a history."""

import gzip
import json

import openpyxl
import pytest

from registry.models import Import, SuggestedHolder, SuggestedLink, Work, WorkChange
from tests.imports.conftest import LATER, MAP, ROWS, catalogue, everything, numbered
from transparency.models import Pending


def test_a_row_becomes_a_work_with_its_titles_date_and_what_is_printed_on_it(importing):
    assert importing(catalogue()).added == 3
    work = numbered("1")
    assert (work.kind, work.date, work.rights_statement) == ("series", "2024-05", "©風の町製作委員会")
    assert [(title.lang, title.form, title.text) for title in work.titles.all()] == [
        ("ja", "main", "風の町"),
        ("ja-Kana", "kana", "カゼノマチ"),
    ]
    assert (numbered("2").date, numbered("3").date) == ("1999", "")


def test_holders_stay_names_to_the_character_and_splits_stay_suggestions(importing):
    importing(catalogue("1,tv,風の町,,,,神\ufa19社|Studio B,60%|rest,Original"))
    assert list(SuggestedHolder.objects.values_list("name", "right", "split")) == [
        ("神\ufa19社", "copyright", "60%"),
        ("Studio B", "copyright", "rest"),
    ]


def test_a_source_other_than_original_and_a_source_that_nobody_told_stay_open(importing):
    importing(catalogue("1,tv,a,,,,,,Original", "2,tv,b,,,,,,Manga", "3,tv,c,,,,,,"))
    assert list(SuggestedLink.objects.values_list("rel", "said")) == [("based_on", "Manga"), ("based_on", "")]


def test_a_map_that_names_holders_has_to_say_where_sources_stand(importing):
    silent = MAP[: MAP.index("[[links]]")]
    assert "of sources nothing is said" in importing.refused(catalogue(), silent)
    importing(catalogue(), silent + "[[links]]\n")
    assert not SuggestedLink.objects.exists()


def test_works_with_the_same_title_stay_apart(importing):
    importing(catalogue())
    assert Work.objects.filter(titles__text="風の町").count() == 2


def test_importing_again_changes_nothing(importing):
    importing(catalogue())
    before = everything()
    assert importing(catalogue(), now=LATER).unchanged == 3
    assert everything() == before


def test_a_later_version_updates_and_tells_who_changed_what_from_what(importing):
    importing(catalogue())
    changed = ROWS[0].replace("2024-05", "2024-05-03").replace("Studio B", "Studio C")
    summary = importing(catalogue(changed, *ROWS[1:], "4,tv,新,,,,,,Original"), now=LATER)
    assert (summary.added, summary.changed, summary.unchanged) == (1, 1, 2)
    changes = {change.member: change for change in WorkChange.objects.all()}
    assert (changes["date"].old, changes["date"].new) == ("2024-05", "2024-05-03")
    assert (changes["holders"].old, changes["holders"].new) == (
        [["Studio B", "copyright", "40%"]],
        [["Studio C", "copyright", "40%"]],
    )
    assert changes["date"].source.by == "operator@example.org"
    assert changes["date"].source.started_at == changes["date"].source.finished_at == LATER
    assert numbered("1").date == "2024-05-03"


def test_a_title_that_the_map_does_not_read_survives_an_update(importing):
    importing(catalogue())
    numbered("1").titles.create(lang="en", form="translated", text="Windy Town")
    importing(catalogue(ROWS[0].replace("風の町,", "風の街,", 1)), now=LATER)
    assert [title.text for title in numbered("1").titles.all()] == ["カゼノマチ", "Windy Town", "風の街"]


def test_an_old_number_stays_when_a_later_version_has_another(importing):
    chart = MAP + '[[identifiers]]\nscheme = "isbn"\ncolumn = "kana"\n'
    importing(catalogue("1,tv,a,9784088725093,,,,,"), chart.replace('column = "kana"\nlang', 'column = "title"\nlang'))
    importing(catalogue("1,tv,a,9784101010014,,,,,"), chart.replace('column = "kana"\nlang', 'column = "title"\nlang'))
    numbers = numbered("1").identifiers.filter(scheme="isbn")
    assert {number.value for number in numbers} == {"9784088725093", "9784101010014"}
    assert WorkChange.objects.get().member == "identifiers"


def test_the_kind_of_a_work_stays_since_the_log_has_it_too(importing):
    importing(catalogue())
    summary = importing(catalogue(ROWS[0].replace("tv", "movie")), whole=False)
    assert (summary.errors, importing.problems[0].problem) == (1, "stored as series, here film")
    assert numbered("1").kind == "series"


def test_another_registrants_work_with_the_same_number_is_left_alone(cast, importing):
    importing(catalogue())
    importing(catalogue(ROWS[0].replace("風", "嵐")), registrant=cast.studio.party)
    assert Work.objects.filter(identifiers__scheme="ours", identifiers__value="1").count() == 2
    assert WorkChange.objects.count() == 0


def test_a_dry_run_says_what_would_happen_and_writes_nothing(importing):
    importing(catalogue())
    before = everything()
    summary = importing(catalogue(ROWS[0].replace("2024-05", "2025"), "4,tv,新,,,,,,"), dry=True)
    assert (summary.added, summary.changed, summary.stored) == (1, 1, False)
    assert everything() == before


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_changes_while_it_is_read_is_no_import_of_the_file_whose_digest_is_kept(importing, whole):
    path = importing.write("c.csv", catalogue())

    def meddle(done, _total):
        path.write_bytes(catalogue(*ROWS, "4,tv,新,,,,,,") if done == 1 else path.read_bytes())

    said = importing.refused(path, progress=meddle, whole=whole, batch=1)
    assert said == "the file changed while it was read: run the import again"
    assert Import.objects.filter(finished_at="").count() == Import.objects.count() == (0 if whole else 1)
    assert importing(path, whole=whole).stored


def test_nothing_is_logged(importing):
    before = Pending.objects.count()
    importing(catalogue())
    assert Pending.objects.count() == before


@pytest.mark.parametrize("whole", [True, False])
def test_rows_with_errors_keep_out_all_of_a_file_or_themselves(importing, whole):
    summary = importing(catalogue(ROWS[0], "2,opera,歌,,2024-13,,,,"), whole=whole)
    assert importing.places == [("error", 3, "kind"), ("error", 3, "date")]
    assert (summary.stored, Work.objects.count()) == ((False, 0) if whole else (True, 1))


def test_json_lines_excel_and_gzip_say_the_same_as_csv(importing):
    importing(catalogue())
    names, *cells = [row.split(",") for row in catalogue().decode().splitlines()]
    lines = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in cells)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (names, *cells):
        sheet.append([int(cell) if cell.isdigit() else cell or None for cell in row])
    book.save(importing.folder / "c.xlsx")
    for source in (
        importing.write("c.jsonl", lines.encode()),
        importing.write("c.jsonl.gz", gzip.compress(lines.encode())),
        importing.write("c.csv.gz", gzip.compress(catalogue())),
        importing.folder / "c.xlsx",
    ):
        summary = importing(source, now=LATER)
        assert (summary.unchanged, summary.changed, importing.problems) == (3, 0, [])
