from django.db import migrations, models

import accounts.correlation

HELP = 'Of the request that started it; one of its own if the schedule did. Its log lines carry it.'


class Migration(migrations.Migration):

    dependencies = [
        ('exports', '0001_initial'),
    ]

    operations = [
        # Runs that are there already have none; a default that is called would give all of them the same.
        migrations.AddField(
            model_name='run',
            name='correlation_id',
            field=models.CharField(blank=True, default='', help_text=HELP, max_length=64),
        ),
        migrations.AlterField(
            model_name='run',
            name='correlation_id',
            field=models.CharField(blank=True, default=accounts.correlation.current, help_text=HELP, max_length=64),
        ),
    ]
