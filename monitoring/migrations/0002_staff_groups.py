"""Who is on call handles incidents; admins do too."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ON_CALL = ("view_incident", "change_incident")


def add(apps, schema_editor):
    # Permissions are otherwise made only after the last migration.
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    found = permission.objects.filter(content_type__app_label="monitoring", codename__in=ON_CALL)
    for name in ("on-call", "admins"):
        group.objects.get_or_create(name=name)[0].permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_incidents"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
