"""Reports and orders are found by their time, and open orders at once."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("signals", "0005_orders_for_moderators"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["ordered_at"], name="orders_by_time"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("done_at", None)), fields=["ordered_at"], name="orders_open"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["reported_at"], name="reports_by_time"),
        ),
    ]
