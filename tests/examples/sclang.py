"""sclang, SuperCollider's language, without a window and with the classes of examples/supercollider."""

from pathlib import Path

from tests.bridge.test_peers import program
from tests.examples.peers import Peer

CLASSES = Path(__file__).parents[2] / "examples/supercollider"
_HEADLESS = {
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
    "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox --disable-gpu",
    "QT_QPA_PLATFORM": "offscreen",
    "LC_ALL": "C.UTF-8",
}


def sclang(folder: Path, script: str) -> Peer:
    """Run a script; what it posts are the peer's lines."""
    command = program("sclang")
    file, settings = folder / "script.scd", folder / "sclang_conf.yaml"
    file.write_text(script, encoding="utf-8")
    settings.write_text(f"includePaths:\n  - {CLASSES}\nexcludePaths: []\npostInlineWarnings: true\n")
    own_home = {f"XDG_{name}_HOME": str(folder) for name in ("CONFIG", "DATA", "CACHE")}
    return Peer([command, "-l", str(settings), str(file)], folder, _HEADLESS | own_home)
