"""The floors of docs/map.md: a file imports from its own floor or below, and signals never knows monitoring."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [  # the first pattern that fits a path says its floor
    (r"icebreaker/", 6),
    (r"monitoring/boards/(chart|panel|ranges|seats|summary|words)\.py", 0),
    (r"monitoring/boards/", 4),
    (r"signals/(domain/.*|errors|protocol|bodies|values|limits|telemetry|faults)\.py", 0),
    (r"monitoring/metrics/(histogram|stack|targets|tiers)\.py", 0),
    (r"monitoring/errors/(auth|decode|envelope|event|fallback|fingerprint|held|policy|quota|record)\.py", 0),
    (r"monitoring/errors/(regression|scrub|story|unpack)\.py", 0),
    (r"monitoring/uptime/outage\.py", 0),
    (r"monitoring/drills/effects\.py", 0),
    (r"monitoring/alerts/(rules|lifecycle|snapshot|letters|words)\.py", 0),
    (r"monitoring/runbooks/library\.py", 0),
    (r"monitoring/incidents/(stages|writeup)\.py", 0),
    (r"monitoring/runbooks/shelf\.py", 1),
    (r"monitoring/runbooks/figures\.py", 2),
    (r"monitoring/overview\.py", 3),
    (r"signals/(presence/.*|models)\.py", 1),
    (r"monitoring/models/", 1),
    (r"signals/services/", 2),
    (r"monitoring/errors/(transport|reporting)\.py", 5),
    (r"monitoring/(metrics|errors|uptime|drills)/", 2),
    (r"monitoring/(alerts|incidents)/", 3),
    (r"monitoring/(watch|deadman)\.py", 4),
    (r"(signals|monitoring)/", 5),
]
PURE_MAY_NOT = {"django", "channels", "redis", "sqlite3", "socket", "asyncio", "requests", "httpx"}
SOURCES = [
    p
    for top in ("icebreaker", "signals", "monitoring")
    for p in sorted((ROOT / top).rglob("*.py"))
    if "migrations" not in p.parts
]


def floor(path: str) -> int:
    return next((level for pattern, level in FLOORS if re.match(pattern, path)), 5)


def imports(source: Path) -> set[str]:
    found: set[str] = set()
    package = source.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*up, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def path_of(module: str) -> str | None:
    as_path = module.replace(".", "/")
    if (ROOT / f"{as_path}.py").is_file():
        return f"{as_path}.py"
    init = ROOT / as_path / "__init__.py"
    return f"{as_path}/__init__.py" if init.is_file() and init.stat().st_size else None


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_from_its_own_floor_or_below(source: Path) -> None:
    here = str(source.relative_to(ROOT))
    wanted = imports(source)
    for module in wanted:
        target = path_of(module)
        if target:
            assert floor(target) <= floor(here), f"{here} imports {module} from a floor above"
    if floor(here) == 0:
        tops = {module.split(".")[0] for module in wanted}
        assert not tops & PURE_MAY_NOT, f"{here} is pure and may not import {tops & PURE_MAY_NOT}"
    if here.startswith("signals/"):
        assert not any(m.startswith("monitoring") for m in wanted), f"{here} knows its watcher"
    if here.startswith("monitoring/"):
        known = {m for m in wanted if m.startswith("signals") and path_of(m)}
        allowed = ("signals.telemetry", "signals.faults", "signals.presence")
        assert all(m.startswith(allowed) for m in known), f"{here} knows {known}"
