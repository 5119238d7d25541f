"""The rooms of the house: a room imports only rooms to its left."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import klustr_bridge

PACKAGE = Path(klustr_bridge.__file__).parent

# From left to right; rooms on one line do not know each other.
ORDER: tuple[frozenset[str], ...] = (
    frozenset({"errors", "files", "kind_looks"}),
    frozenset({"types", "processes", "settings", "progress"}),
    frozenset({"sound"}),
    frozenset({"library", "player", "clock", "midi"}),
    frozenset({"layout"}),
    frozenset({"indexer", "corpus"}),
    frozenset({"navigator"}),
    frozenset({"bridge"}),
    frozenset({"daemon"}),
    frozenset({"cli"}),
)
# Import what they need; only the command line imports them.
LEAVES = frozenset({"demo", "client", "doctor", "export", "mapplot", "service", "study"})


LAST = len(ORDER) - 1


def _place(room: str) -> int:
    for place, rooms in enumerate(ORDER):
        if room in rooms:
            return place
    raise AssertionError(f"the room {room!r} is not in the order of rooms; put it there")


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        room = relative.parts[0].removesuffix(".py")
        if room not in ("__init__", "__main__"):
            yield room, path


def _imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
            if node.module == "klustr_bridge":
                modules = [f"klustr_bridge.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}:{node.lineno}: relative import; name the whole module")
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        for module in modules:
            parts = module.split(".")
            if parts[0] == "klustr_bridge" and len(parts) > 1:
                yield node.lineno, parts[1]


@pytest.mark.parametrize(
    ("room", "path"), list(_files()), ids=lambda value: str(value).removeprefix(f"{PACKAGE}/")
)
def test_rooms_import_only_rooms_to_their_left(room: str, path: Path) -> None:
    """A module imports its own room and those to the left of it; leaves are imported by the CLI alone."""
    for line, imported in _imported_rooms(path):
        if imported == room or imported.startswith("__"):
            continue
        where = f"{path}:{line}: {room} imports {imported}"
        if imported in LEAVES:
            assert room == "cli", f"{where}, a leaf that only the command line may import"
        elif room not in LEAVES:
            assert _place(imported) < _place(room), f"{where}, which does not stand to its left"
        else:
            assert _place(imported) < LAST, where


def test_the_check_sees_a_step_back(tmp_path: Path) -> None:
    """The reader of imports finds imports at the top, in functions and of the package itself."""
    module = tmp_path / "module.py"
    module.write_text(
        "from klustr_bridge.cli import main\n"
        "import klustr_bridge.daemon\n"
        "def f():\n    from klustr_bridge import corpus\n"
    )
    assert [room for _, room in _imported_rooms(module)] == ["cli", "daemon", "corpus"]
