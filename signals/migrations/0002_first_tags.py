"""The tags that the catalogue begins with; from here on it is staff's to edit."""

from django.db import migrations

FIRST_TAGS = (
    "Quietly Curious",
    "Creative Energy",
    "Overthinking Things",
    "Big Sci-Fi Brain",
    "Here for the humans",
    "Builder brain",
    "Tech curious",
    "Lo-fi head",
)


def add(apps, schema_editor):
    tag = apps.get_model("signals", "Tag")
    for name in FIRST_TAGS:
        tag.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("signals", "0001_first")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
