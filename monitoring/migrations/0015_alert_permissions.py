"""Who is on call reads alerts, answers them and silences rules; admins also set rules and recipients."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ON_CALL = (
    "view_alert",
    "change_alert",
    "view_rulesetting",
    "view_silence",
    "add_silence",
    "view_outboxmail",
    "view_recipient",
)
ADMINS = (*ON_CALL, "change_rulesetting", "add_recipient", "change_recipient", "delete_recipient")


def add(apps, schema_editor):
    # Permissions are otherwise made only after the last migration.
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, codenames in (("on-call", ON_CALL), ("admins", ADMINS)):
        found = permission.objects.filter(content_type__app_label="monitoring", codename__in=codenames)
        group.objects.get(name=name).permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0014_board_permissions")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
