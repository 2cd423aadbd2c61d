"""Many rows at once keep what one row at a time would."""

import pytest
from django.db import connection

from registry import ids
from registry.models import Identifier, Party, Work, WorkTitle
from tests.imports.conftest import NOW, catalogue
from transparency import bulk


@pytest.fixture
def party(db):
    return Party.objects.create(urn=ids.new_party(), kind="organisation", added_at=NOW)


def works(party, keys):
    rows = [(key, ids.new_record(), "film", party.pk, "", "", NOW) for key in keys]
    bulk.insert(Work, ("id", "urn", "kind", "registrant_id", "date", "rights_statement", "added_at"), rows)


def test_keys_that_were_taken_are_taken_by_nobody_else(party):
    first = bulk.new_keys(Work, 3)
    works(party, first)
    single = Work.objects.create(urn=ids.new_record(), kind="film", registrant=party, added_at=NOW)
    second = bulk.new_keys(Work, 3)
    works(party, second)
    assert len({*first, single.pk, *second}) == 7
    assert Work.objects.count() == 7


def test_any_of_no_values_is_none(party):
    assert not Work.objects.filter(pk__in=bulk.any_key([])).exists()
    assert not Work.objects.filter(urn__in=bulk.any_text([])).exists()


def test_values_come_back_as_they_were(party):
    [key] = bulk.new_keys(Work, 1)
    works(party, [key])
    texts = ["a\tb\\n", '"', "\\N", "", "神\ufa19", "😀", "%s", "{}"]
    bulk.insert(WorkTitle, ("work_id", "lang", "form", "text"), [(key, "ja", "main", text) for text in texts])
    assert set(WorkTitle.objects.values_list("text", flat=True)) == set(texts)
    assert set(WorkTitle.objects.filter(text__in=bulk.any_text(texts)).values_list("text", flat=True)) == set(texts)


def test_rows_are_set_by_their_keys(party):
    keys = bulk.new_keys(Work, 2)
    works(party, keys)
    bulk.update(Work, ("date", "rights_statement"), [("1999", "©A", keys[1])])
    assert list(Work.objects.order_by("pk").values_list("date", "rights_statement")) == [("", ""), ("1999", "©A")]


@pytest.mark.postgresql
def test_a_look_up_reads_no_more_of_the_table_the_longer_an_import_runs(importing):
    plans = []

    def explained(execute, sql, parameters, many, context):
        if sql.startswith("SELECT") and f'FROM "{Identifier._meta.db_table}"' in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", parameters)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, parameters, many, context)

    lines = [f"{number},tv,題{number},,,,,,Original" for number in range(9_000)]
    importing(catalogue(*lines), batch=1000)
    with connection.execute_wrapper(explained):
        importing(catalogue(*lines[-10:]))
    assert any("Index Cond" in line and "unnest" in line for line in plans[-1].splitlines()), plans[-1]
