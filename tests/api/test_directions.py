"""Which room may know which: the way of the data has one direction."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import distributor

ROOT = Path(distributor.__file__).parent

#: Per room, the rooms (or single modules of one) that it may import, beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "tie": set(),
    "tasks": {"errors"},
    "blocks": {"tasks"},
    "session": {"errors", "tasks", "machines.machine"},
    "jobs": {"errors", "tasks"},
    "network": {"errors", "tie"},
    "machines": {
        *("errors", "tie", "network", "tasks"),
        *(f"session.{part}" for part in ("event", "peer", "result", "rules", "switch", "wire")),
    },
    "analysis": {"errors", "tasks", "session"},
    "store": {"errors", "tasks", "session", "monitors.monitor"},
    "monitors": {"errors", "tasks", "session", "store", "analysis"},
    "data": {"errors", "tasks", "session", "store"},
    "figures": {"errors", "tasks", "session", "store", "analysis", "data"},
    "attach": {"errors", "machines.machine"},
    "life": {
        *("errors", "tasks", "session"),
        *("jobs.job", "machines.machine", "monitors.monitor"),
    },
    "engine": {
        "attach",
        "errors",
        "life",
        "tasks",
        "session",
        "jobs",
        "network",
        "machines",
        "monitors",
    },
    "campaign": {"errors", "tasks", "session", "jobs", "store", "monitors"},
    "durable": {"errors", "tasks", "session", "jobs", "store", "monitors"},
    "distributor": {
        *("errors", "tasks", "session", "jobs", "machines", "monitors", "engine", "view"),
        "service.client",
    },
    "view": {"jobs", "machines.machine"},
    "service": {
        *("errors", "tasks", "session", "jobs", "machines", "monitors", "engine"),
        *("store", "analysis", "data", "figures", "durable", "view"),
    },
}
#: The rooms at the end of the way, which may import everything that stands above.
ENDS = {"cli", "public", "__init__", "__main__"}

#: What decides and does no I/O, so that its tests need none.
PURE = """
    tasks jobs session.wire session.description session.record session.event session.result
    session.watchdog session.rules analysis.theory network.plan network.dhcp
""".split()
IMPURE_MODULES = set(
    """
    asyncio logging os select selectors shutil signal socket sqlalchemy sqlite3 subprocess tempfile
    threading time
    """.split()
)

#: What pyproject.toml asks for, by the names that are imported (SimPy comes with simso, and
#: pydantic and starlette with FastAPI, h11 with uvicorn).
DEPENDENCIES = set(
    """
    SimPy bson convolutionalfixedsum fastapi h11 httpx matplotlib numpy pandas perfetto
    prometheus_client pyarrow pydantic pymongo pyroute2 pythonjsonlogger qemu rich simso
    sqlalchemy starlette textual typer uvicorn
    """.split()
)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        yield name, path


MODULES = dict(modules())


def imports(path: Path, *, at_import: bool = False) -> Iterator[tuple[str, int]]:
    """What a module imports, each with its line.

    :param at_import: leave out what is imported inside functions or for types alone.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text(), str(path))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = inner.removeprefix("distributor.") in MODULES
                yield (inner if known else node.module), node.lineno
        elif at_import and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        ):
            continue
        waiting.extend(ast.iter_child_nodes(node))


def inside(name: str, rooms: Collection[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def test_every_room_has_its_rule() -> None:
    rooms = {name.partition(".")[0] for name in MODULES}
    assert rooms - ENDS == MAY_IMPORT.keys()


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name: str) -> None:
    room = name.partition(".")[0]
    if room in ENDS:
        return
    allowed = {room, *MAY_IMPORT[room]}
    for imported, line in imports(MODULES[name]):
        top, _, rest = imported.partition(".")
        if top == "distributor":
            assert inside(rest, allowed), f"{MODULES[name]}:{line}: {room} must not know {rest}"


@pytest.mark.parametrize("name", [name for name in MODULES if inside(name, PURE)])
def test_what_decides_does_no_input_or_output(name: str) -> None:
    used = {imported.partition(".")[0] for imported, _ in imports(MODULES[name])}
    assert not used & IMPURE_MODULES


def test_only_the_store_asks_a_database() -> None:
    users = {
        name
        for name, path in MODULES.items()
        for imported, _ in imports(path)
        if inside(imported, ["sqlalchemy"])
    }
    assert users
    assert all(inside(name, ["store"]) for name in users), users


@pytest.mark.parametrize("name", MODULES)
def test_what_is_imported_is_declared(name: str) -> None:
    declared = {*DEPENDENCIES, "distributor", *sys.stdlib_module_names}
    used = {imported.partition(".")[0] for imported, _ in imports(MODULES[name])}
    assert used <= declared


def test_what_is_declared_is_imported() -> None:
    used = {each.partition(".")[0] for path in MODULES.values() for each, _ in imports(path)}
    assert used >= DEPENDENCIES


def test_no_module_needs_itself_to_be_imported() -> None:
    graph = {
        name: {
            imported.removeprefix("distributor.")
            for imported, _ in imports(path, at_import=True)
            if imported.startswith("distributor.")
        }
        for name, path in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")
