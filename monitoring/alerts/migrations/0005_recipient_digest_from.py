from django.db import migrations, models


class Migration(migrations.Migration):
    """Digests begin where the last one ended; of those before this nobody has noted that."""

    dependencies = [
        ("alerts", "0004_message_in_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="recipient",
            name="digest_from",
            field=models.DateTimeField(null=True),
        ),
    ]
