from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0006_confirmed_at")]

    operations = [
        migrations.AddField(
            "notification", "severity", models.PositiveSmallIntegerField(null=True)
        ),
    ]
