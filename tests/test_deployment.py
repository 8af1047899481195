"""The files that deployments are made of: read, and held against each other and the code. No engine runs them here."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
OURS = {"migrate", "web", "watch"}
KNOWN = {
    *("build", "image", "command", "restart", "stop_grace_period", "init", "read_only", "tmpfs", "cap_drop", "ports"),
    *("security_opt", "volumes", "networks", "environment", "depends_on", "deploy", "healthcheck"),
}
SAID = {
    "DOMAIN": "icebreaker.example",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTU",
    "POSTGRES_PASSWORD": "0123456789abcdef",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
}


def settings_known() -> set[str]:
    return set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, the rest), continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.M).replace("\\\n", " ")
    found = [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


def last_stage() -> list[tuple[str, str]]:
    all_ = instructions()
    return all_[max(n for n, (name, _) in enumerate(all_) if name == "FROM") :]


def image_settings() -> dict[str, str]:
    return dict(pair.split("=", 1) for name, rest in last_stage() if name == "ENV" for pair in shlex.split(rest))


def filled_in(value: str) -> str:
    """A value of compose.yaml with its variables, as compose would fill them in."""

    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: SAID.get(found[1]) or found[2] or "", value)


def test_compose_runs_two_of_each_on_one_disk_behind_the_one_open_door() -> None:
    assert SERVICES["web"]["deploy"]["replicas"] == SERVICES["watch"]["deploy"]["replicas"] == 2
    assert SERVICES["web"]["volumes"] == SERVICES["watch"]["volumes"] == [f"data:{image_settings()['DATA_DIR']}"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    subnet = COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == subnet
    for service in SERVICES.values():
        assert set(service) <= KNOWN
        for mount in service.get("volumes", ()):
            assert mount.startswith("./") or mount.split(":")[0] in COMPOSE["volumes"]
        assert ":latest" not in service["image"]


def test_whoever_waits_for_another_waits_for_something_that_can_come_true() -> None:
    has_check = any(name == "HEALTHCHECK" for name, _ in last_stage())
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            awaited = SERVICES[other]
            if how["condition"] == "service_healthy":
                checked = awaited.get("healthcheck", {"test": has_check} if other in OURS else {})
                assert checked.get("test") and not checked.get("disable"), f"{name} waits for {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert awaited["restart"] == "no"


def test_compose_gives_settings_that_exist_and_that_the_deployment_check_finds_whole() -> None:
    given = SERVICES["web"]["environment"]
    assert set(given) <= settings_known()
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
    env |= {name: filled_in(str(value)) for name, value in given.items()}
    assert not any("$" in value for value in env.values() if value not in os.environ.values())
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**env, "ENV_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_secret_of_compose_is_asked_for_and_none_is_written_there() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "EMAIL_URL", "DOMAIN"):
        assert re.search(rf"\$\{{{name}:\?[^}}]+\}}", text), name


def test_the_image_is_small_runs_as_nobody_and_says_how_it_is() -> None:
    stage = last_stage()
    users = [rest for name, rest in stage if name == "USER"]
    assert users and users[-1] not in ("root", "0")
    after = [name for name, _ in stage[next(n for n, (name, _) in enumerate(stage) if name == "USER") :]]
    assert "RUN" not in after and "COPY" not in after
    assert all(":" in rest and not re.search(r":latest\b", rest) for name, rest in instructions() if name == "FROM")
    assert len([1 for name, _ in instructions() if name == "FROM"]) > 1, (
        "compilers and caches stay in stages of their own"
    )
    commands = {name: rest for name, rest in stage if name in ("CMD", "HEALTHCHECK")}
    assert "health_check" in commands["HEALTHCHECK"] and "serve" in commands["CMD"]
    assert {"health_check", "serve"} <= set(get_commands())
    assert set(image_settings()) <= settings_known() | {
        "PATH",
        "HOST",
        "PORT",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
    }


def test_everything_that_the_image_copies_is_there_and_reaches_the_build() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for name, rest in instructions():
        if name == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.strip("/") in let_in, f"{source} is kept out by .dockerignore"
    kept_out = {"tests", "var", ".env", ".git", "node_modules", ".venv"}
    assert not kept_out & let_in


def test_the_proxy_asks_where_the_image_listens_and_logs_nobody() -> None:
    text = (ROOT / "deploy/Caddyfile").read_text("utf-8")
    assert text.count("{") == text.count("}")
    assert f"port {image_settings()['PORT']}" in text and "name web" in text
    assert not re.search(r"^\s*log\b", text, re.M), "an access log would hold tokens and addresses"


def test_the_procfile_starts_commands_that_exist() -> None:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    assert set(processes) == {"release", "web", "watch"}
    for command in processes.values():
        assert re.search(r"python manage.py (\w+)", command)[1] in get_commands()  # type: ignore[index]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_exists_and_may_do_little(unit: Path, tmp_path: Path) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text("utf-8"))
    service = parser["Service"]
    command = shlex.split(service["ExecStart"])
    assert command[1] == "manage.py" and command[2] in get_commands()
    assert service["User"] != "root" and service["NoNewPrivileges"] == "true" and service["ProtectSystem"] == "strict"
    given = dict(pair.split("=", 1) for pair in service["Environment"].split())
    assert set(given) - {"PYTHONUNBUFFERED"} <= settings_known()
    assert given["DATA_DIR"] == f"/var/lib/{service['StateDirectory']}"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit was parsed, but not verified")
    text = unit.read_text("utf-8").replace("/srv/icebreaker/.venv/bin/python", sys.executable)
    text = re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M)  # a user of that name is made where it is installed
    (tmp_path / unit.name).write_text(text)
    instance = tmp_path / unit.name.replace("@", "@1")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "icebreaker" in line]
    assert not ours, done.stderr


def test_what_the_service_needs_is_locked_in_the_versions_that_are_tested() -> None:
    def locked(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==([^ \\;]+)", (ROOT / name).read_text("utf-8"), re.M))

    alone, tested = locked("requirements-run.lock"), locked("requirements.lock")
    assert alone.items() <= tested.items()
    wanted = re.findall(r"^([\w-]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    assert {name.lower() for name in wanted} <= set(alone)
    assert "pytest" not in alone


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    table = (ROOT / "docs/deployment.md").read_text("utf-8").split("## All settings")[1].split("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.M) for name in re.findall(r"`([A-Z_]+)`", row)}
    assert named == settings_known()
