"""The two projects that there always are, each with a key of its own, and who may work on issues."""

import secrets

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.utils import timezone

PROJECTS = (("backend", "Icebreaker Backend"), ("frontend", "Icebreaker Frontend"))
ON_CALL = ("view_issue", "change_issue", "view_event", "view_sent", "view_refused", "view_deadletter", "view_project")
ADMINS = ("change_project", "add_project", "delete_issue", "change_deadletter", "delete_deadletter", "view_forwarditem")


def add(apps, schema_editor):
    project, key = apps.get_model("monitoring", "Project"), apps.get_model("monitoring", "ProjectKey")
    for slug, name in PROJECTS:
        made, new = project.objects.get_or_create(slug=slug, defaults={"name": name})
        if new:
            key.objects.create(project=made, public_key=secrets.token_hex(16), created_at=timezone.now())
    config = apps.get_app_config("monitoring")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, codenames in (("on-call", ON_CALL), ("admins", ON_CALL + ADMINS)):
        found = permission.objects.filter(content_type__app_label="monitoring", codename__in=codenames)
        group.objects.get_or_create(name=name)[0].permissions.add(*found)


def remove(apps, schema_editor):
    apps.get_model("monitoring", "Project").objects.filter(slug__in=[slug for slug, _ in PROJECTS]).delete()


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0007_errors"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add, remove)]
