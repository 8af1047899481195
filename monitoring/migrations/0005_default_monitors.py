"""Two monitors from the start, the lease's row, and who may see and change what."""

from datetime import UTC, datetime

from django.contrib.auth.management import create_permissions
from django.db import migrations

ON_CALL = (
    "view_monitor",
    "view_proberesult",
    "view_outage",
    "change_outage",
    "view_maintenance",
    "add_maintenance",
    "change_maintenance",
    "view_heartbeat",
    "view_delivery",
)
ADMINS = (*ON_CALL, "add_monitor", "change_monitor", "delete_monitor", "delete_maintenance")


def add(apps, schema_editor):
    # Permissions are otherwise made only after the last migration.
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, allowed in (("on-call", ON_CALL), ("admins", ADMINS)):
        found = permission.objects.filter(content_type__app_label="monitoring", codename__in=allowed)
        group.objects.get_or_create(name=name)[0].permissions.add(*found)
    monitor = apps.get_model("monitoring", "Monitor")
    monitor.objects.create(name="Website", way="http", address="/api/health", expects='"ok"')
    monitor.objects.create(name="Live connection", way="websocket", address="/ws")
    apps.get_model("monitoring", "Lease").objects.create(name="watch", until_at=datetime(2000, 1, 1, tzinfo=UTC))


def remove(apps, schema_editor):
    apps.get_model("monitoring", "Monitor").objects.all().delete()
    apps.get_model("monitoring", "Lease").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0004_uptime")]
    operations = [migrations.RunPython(add, remove)]
