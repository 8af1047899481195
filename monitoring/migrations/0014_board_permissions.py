"""Who is on call sees what was measured, and so do admins."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GRANTED = ("view_measure", "view_source")


def add(apps, schema_editor):
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    found = permission.objects.filter(content_type__app_label="monitoring", codename__in=GRANTED)
    for name in ("on-call", "admins"):
        group.objects.get_or_create(name=name)[0].permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0013_drill_permissions")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
