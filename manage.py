#!/usr/bin/env python
"""Run Django's command line with this project's settings."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "icebreaker.settings")
    if sys.argv[1:2] == ["run"]:
        from icebreaker.first_start import prepare

        prepare(Path(__file__).resolve().parent)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
