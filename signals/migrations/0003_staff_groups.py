"""Moderators keep the catalogue and read reports; admins also tune the weights. Nobody gets more than that here."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

MODERATORS = ("view_tag", "add_tag", "change_tag", "view_report", "view_weightset")
ADMINS = (*MODERATORS, "add_weightset")


def add(apps, schema_editor):
    # Permissions are otherwise made only after the last migration.
    config = apps.get_app_config("signals")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, codenames in (("moderators", MODERATORS), ("admins", ADMINS)):
        found = permission.objects.filter(content_type__app_label="signals", codename__in=codenames)
        group.objects.get_or_create(name=name)[0].permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("signals", "0002_first_tags"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
