from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0004_again'),
    ]

    operations = [
        migrations.AddField(
            model_name='tickbeat',
            name='failing_since',
            field=models.DateTimeField(null=True),
        ),
    ]
