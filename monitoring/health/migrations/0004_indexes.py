from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes of large tables, apart and one by one: nothing waits while they are built."""

    atomic = False

    dependencies = [
        ("health", "0003_own_interval_and_samples"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="health",
            index=models.Index(
                condition=models.Q(("own_interval__isnull", False)),
                fields=["organization", "own_interval"],
                include=("status", "cause"),
                name="health_own_interval",
            ),
        ),
        AddIndexConcurrently(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("released_at__isnull", False)),
                fields=["organization", "released_at"],
                name="hold_let_go",
            ),
        ),
    ]
