"""Who is on call runs drills; admins do too."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GRANTED = ("view_drill", "run_drill")


def add(apps, schema_editor):
    # Permissions are otherwise made only after the last migration.
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    found = permission.objects.filter(content_type__app_label="monitoring", codename__in=GRANTED)
    for name in ("on-call", "admins"):
        group.objects.get(name=name).permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0012_drills")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
