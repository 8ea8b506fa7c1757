from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """An index of what was done to routes, by which it is known which were in force when."""

    atomic = False

    dependencies = [
        ("audit", "0002_service_entries"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("action__startswith", "route.")),
                fields=["organization", "at"],
                name="audit_of_routes",
            ),
        ),
    ]
