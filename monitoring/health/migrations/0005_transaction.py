import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import monitoring.health.models


class Migration(migrations.Migration):
    """A column filled by the database, of new rows only, so that no row is written again.

    The index by it replaces the one of organizations.
    """

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
            index=models.Index(
                fields=["organization", "transaction", "id"], name="transition_to_tell"
            ),
        ),
        migrations.AlterField(
            model_name="transition",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="accounts.organization",
            ),
        ),
    ]
