from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Mails are claimed by an index; the new one is there before the old one goes."""

    atomic = False

    dependencies = [
        ("alerts", "0003_notification_numbers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "sending"])),
                fields=["channel", "next_try_at", "id"],
                name="message_in_order",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="message",
            name="message_to_send",
        ),
    ]
