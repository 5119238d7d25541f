"""The page in the package is what its sources make, and its logic holds."""

import subprocess
from pathlib import Path

import pytest

import klustr_bridge
from tests.map.pages import WEB, missing_npm

PAGE = Path(klustr_bridge.__file__).parent / "bridge" / "page"
FILES = ("index.html", "map.css", "map.js")

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def npm() -> None:
    """What the page is built with."""
    if (reason := missing_npm()) is not None:
        pytest.skip(reason)


def run(*words: str) -> None:
    done = subprocess.run(words, cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_kept_page_is_the_built_page(tmp_path: Path) -> None:
    """Whoever changes a source and forgets `npm run build` is told which file is out of date."""
    run("node", "build.mjs", "--out", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert sorted(path.name for path in PAGE.iterdir()) == sorted(FILES)
    stale = [name for name in FILES if (tmp_path / name).read_bytes() != (PAGE / name).read_bytes()]
    assert stale == [], "run `npm run build` in web/"


def test_the_sources_have_no_type_errors() -> None:
    """TypeScript's compiler, as strict as it can be, finds nothing."""
    run("npx", "tsc", "--noEmit")


def test_the_logic_holds_under_node() -> None:
    """Points, camera, nearest sounds, reassembly, state and the connection."""
    run("npm", "test")
