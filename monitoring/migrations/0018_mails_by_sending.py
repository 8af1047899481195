"""Rules ask which mails were sent within a window."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0017_outage_drill"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="outboxmail",
            index=models.Index(fields=["sent_at"], name="mails_by_sending"),
        ),
    ]
