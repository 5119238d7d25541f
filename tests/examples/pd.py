"""Pure Data without a window, with the patches of examples/pd and a second patch that watches them."""

import re
import shutil
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bridge.test_peers import program
from tests.examples.peers import Peer

PATCHES = Path(__file__).parents[2] / "examples/pd"

WATCH = """\
#N canvas 0 0 450 400 12;
#X obj 10 10 netreceive PORT;
#X obj 10 40 t a a;
#X obj 10 70 list split 1;
#X obj 110 70 list split 1;
#X obj 10 100 list trim;
#X obj 10 160 send;
#X obj 110 100 symbol;
#X obj 200 10 r klustr.answers;
#X obj 200 40 print answer;
#X obj 200 70 r klustr.state;
#X obj 200 100 print state;
#X obj 200 130 r klustr.fail;
#X obj 200 160 print refused;
#X obj 200 190 r klustr.name-1;
#X obj 200 220 print nearest;
#X obj 300 10 r~ klustr.left;
#X obj 380 10 r~ klustr.right;
#X obj 300 70 tabwrite~ take-left;
#X obj 300 40 r take;
#X obj 380 70 env~;
#X obj 380 100 > 10;
#X obj 380 130 change;
#X obj 380 160 print loud;
#X obj 380 190 tabwrite~ take-right;
#X obj 300 220 r keep;
#X obj 300 250 soundfiler;
#X obj 300 280 print kept;
#X obj 300 310 table take-left 220500;
#X obj 300 340 table take-right 220500;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 1 1 3 0;
#X connect 2 1 4 0;
#X connect 4 0 5 0;
#X connect 3 0 6 0;
#X connect 6 0 5 1;
#X connect 7 0 8 0;
#X connect 9 0 10 0;
#X connect 11 0 12 0;
#X connect 13 0 14 0;
#X connect 15 0 17 0;
#X connect 16 0 23 0;
#X connect 18 0 17 0;
#X connect 18 0 23 0;
#X connect 15 0 19 0;
#X connect 19 0 20 0;
#X connect 20 0 21 0;
#X connect 21 0 22 0;
#X connect 24 0 25 0;
#X connect 25 0 26 0;
"""


class Pd(Peer):
    """Pd with the instrument at a bridge's port; `send` moves its controls by name.

    Parameters
    ----------
    folder : Path
        Takes a copy of the patches.
    bridge_port : int
        Where the bridge is, or will be.
    tick_ms : int, optional
        How often the copy looks at the bridge.
    """

    def __init__(self, folder: Path, bridge_port: int, tick_ms: int = 3000) -> None:
        pd = program("pd")
        patches = shutil.copytree(
            PATCHES, folder / "pd", ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
        window = patches / "klustr.pd"
        text = window.read_text(encoding="utf-8")
        assert text.count("7475") == 1
        window.write_text(text.replace("7475", str(bridge_port)), encoding="utf-8")
        client = patches / "klustr.client.pd"
        text = client.read_text(encoding="utf-8")
        assert text.count("metro 3000") == 1
        client.write_text(text.replace("metro 3000", f"metro {tick_ms}"), encoding="utf-8")
        port = _free_tcp_port()
        watch = patches / "watch.pd"
        watch.write_text(WATCH.replace("PORT", str(port)), encoding="utf-8")
        words = ["-nogui", "-noaudio", "-nomidi", "-stderr", "-nrt", "-r", "44100", "-open", "watch.pd"]
        super().__init__([pd, *words, "-open", "klustr.pd"], patches, {"LC_ALL": "C.UTF-8"})
        self._port = port
        self._controls: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._controls:
            self._controls.close()
        super().__exit__(kind, error, trace)

    def send(self, *messages: str) -> None:
        """Send messages to receivers in the patch, such as ``klustr.x 0.3``; first wait for a state."""
        if self._controls is None:
            self._controls = socket.create_connection(("127.0.0.1", self._port), 10)
        self._controls.sendall("".join(f"{message};\n" for message in messages).encode())

    def answer(self, pattern: str, after: int = 0) -> list[str]:
        """Return the atoms of the first answer of a kind, as Pd prints them, their escapes taken out."""
        line = self.wait_for(rf"^answer: {pattern}", after).string.removeprefix("answer: ")
        return atoms(line)


def _free_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def atoms(line: str) -> list[str]:
    """Part a printed message into its atoms: a backslash keeps what follows it."""
    return [re.sub(r"\\(.)", r"\1", atom) for atom in re.findall(r"(?:\\.|[^\\ ])+", line)]
