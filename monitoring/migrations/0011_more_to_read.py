"""Who is on call also reads releases and deploys; admins send on again what was given up."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ON_CALL = ("view_release", "view_deploymarker")
ADMINS = (*ON_CALL, "change_forwarditem", "delete_forwarditem")


def add(apps, schema_editor):
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, codenames in (("on-call", ON_CALL), ("admins", ADMINS)):
        found = permission.objects.filter(content_type__app_label="monitoring", codename__in=codenames)
        group.objects.get_or_create(name=name)[0].permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0010_alerts"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
