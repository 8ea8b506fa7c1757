from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('errors', '0002_retention')]

    operations = [
        migrations.AddField(
            model_name='unrecognisederror',
            name='rules_tried',
            field=models.IntegerField(default=0),
        ),
    ]
