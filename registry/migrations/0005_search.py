"""Search over works, by each database's own means: GIN over arrays on PostgreSQL, FTS5 on SQLite.

Both find their entries in the order of ``id``, without looking at all that match. On PostgreSQL, whose index knows no
order, parts of the table do it: a part has titles of one length, or of a few.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import registry.fields

LENGTHS = (0, 5, 6, 7, 8, 9, 10, 11, 13, 15, 18, 22, 28, 41, 4096)

POSTGRESQL = (
    """
    CREATE TABLE registry_searchentry (
        id bigint PRIMARY KEY, work_id bigint NOT NULL, keys text COLLATE "C" NOT NULL, grams integer[] NOT NULL
    ) PARTITION BY RANGE (id)
    """,
    *(
        f"CREATE TABLE registry_searchentry_{low} PARTITION OF registry_searchentry"
        f" FOR VALUES FROM ({low << 40}) TO ({high << 40})"
        for low, high in zip(LENGTHS, LENGTHS[1:], strict=False)
    ),
    "CREATE INDEX registry_searchentry_work_id ON registry_searchentry (work_id)",
    # New entries wait in a list that each search reads too: it has to stay short.
    "CREATE INDEX registry_searchentry_grams ON registry_searchentry USING gin (grams) WITH (gin_pending_list_limit = 1024)",
)
SQLITE = (
    """
    CREATE TABLE registry_searchentry (
        id integer PRIMARY KEY, work_id bigint NOT NULL, keys text NOT NULL, grams text NOT NULL
    )
    """,
    "CREATE INDEX registry_searchentry_work_id ON registry_searchentry (work_id)",
    """
    CREATE VIRTUAL TABLE registry_searchgrams USING fts5(
        grams, content='registry_searchentry', content_rowid='id', tokenize="ascii tokenchars '|^-'",
        detail=none, columnsize=0
    )
    """,
    """
    CREATE TRIGGER registry_searchentry_added AFTER INSERT ON registry_searchentry BEGIN
        INSERT INTO registry_searchgrams(rowid, grams) VALUES (new.id, new.grams);
    END
    """,
    """
    CREATE TRIGGER registry_searchentry_removed AFTER DELETE ON registry_searchentry BEGIN
        INSERT INTO registry_searchgrams(registry_searchgrams, rowid, grams) VALUES ('delete', old.id, old.grams);
    END
    """,
)


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def take_away(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE registry_searchgrams")
    schema_editor.execute("DROP TABLE registry_searchentry")


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Works that are there already."""
    from registry.search_entries import rebuild

    if apps.get_model("registry", "Work").objects.exists():
        rebuild()


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0004_catalogue_entries'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make, take_away)],
            state_operations=[
                migrations.CreateModel(
                    name='SearchEntry',
                    fields=[
                        ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('keys', models.TextField()),
                        ('grams', registry.fields.Grams()),
                        ('work', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='search_entries', to='registry.work')),
                    ],
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
