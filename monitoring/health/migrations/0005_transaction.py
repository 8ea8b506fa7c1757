import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import monitoring.health.models


class Migration(migrations.Migration):
    """A column filled by the database, of new rows only, so that no row is written again."""

    atomic = False

    dependencies = [
        ("health", "0004_indexes"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE health_transition ADD COLUMN transaction bigint",
                    "ALTER TABLE health_transition DROP COLUMN transaction",
                ),
                migrations.RunSQL(
                    "ALTER TABLE health_transition ALTER COLUMN transaction"
                    " SET DEFAULT (pg_current_xact_id()::text::bigint)",
                    migrations.RunSQL.noop,
                ),
            ],
            state_operations=[
                migrations.AddField(
                    model_name="transition",
                    name="transaction",
                    field=models.BigIntegerField(
                        db_default=monitoring.health.models.TransactionId(), null=True
                    ),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name="transition",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["transaction"],
                name="transition_by_transaction",
                pages_per_range=16,
            ),
        ),
    ]
