"""The documentation says what is so: commands, links, addresses, generated pages."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from klustr_bridge import __version__
from klustr_bridge.bridge import reference
from klustr_bridge.bridge.answers import PUSHES, REPLIES
from klustr_bridge.bridge.commands import COMMANDS
from klustr_bridge.bridge.vocabulary import PROTOCOL
from klustr_bridge.cli import COMMANDS as CLI_COMMANDS
from klustr_bridge.cli import _parse
from klustr_bridge.settings import reference_markdown
from tests.daemon.running import RunningDaemon, environment

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md"))
    if not path.name.startswith(".")
)
ADDRESSES = {*COMMANDS, *REPLIES, *PUSHES}
EXAMPLES = [
    ROOT / "examples/python_client.py",
    ROOT / "examples/first_steps.scd",
    ROOT / "examples/oscsendfile/first_steps.txt",
    ROOT / "max_patches/patchers/klustr.first-steps.maxpat",
]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_protocol_page_is_up_to_date() -> None:
    """docs/protocol.md is what the command table gives."""
    assert text_of(ROOT / "docs/protocol.md") == reference.render(), (
        "make it anew: python -m klustr_bridge.bridge.reference > docs/protocol.md"
    )


def test_the_settings_page_is_up_to_date() -> None:
    """docs/settings.md is what the table of settings gives."""
    assert text_of(ROOT / "docs/settings.md") == reference_markdown(), (
        "make it anew: python -m klustr_bridge.settings > docs/settings.md"
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture of a page is a file of the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    inside = [target.split("#")[0] for target in targets if not re.match(r"https?:|#|mailto:", target)]
    missing = [target for target in inside if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_addresses_in_pages_exist(page: Path) -> None:
    """A page names no OSC address that the command table does not have."""
    named = set(re.findall(r"/klustr/[a-z][a-z./]*[a-z]", text_of(page)))
    assert named <= ADDRESSES | (planned() if page.name == "CHANGELOG.md" else set())


def planned() -> set[str]:
    """The addresses that the changelog says are not there yet."""
    changelog = text_of(ROOT / "CHANGELOG.md")
    items = re.findall(r"^- Parts of the protocol are planned.*?unknown`:\n(.*?)^- ", changelog, re.M | re.S)
    return set(re.findall(r"/klustr/[a-z/]+", "".join(items)))


def test_what_is_said_not_to_be_there_is_not() -> None:
    """The known limits of the changelog name no address that has come since."""
    assert not planned() & ADDRESSES


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_addresses_in_examples_exist(example: Path) -> None:
    """An example uses addresses of the command table only, and at least hello."""
    named = set(re.findall(r"/klustr/[a-z][a-z./]*[a-z]", text_of(example)))
    assert "/klustr/xy" in named
    assert named <= ADDRESSES


def test_addresses_in_the_pd_patch_exist() -> None:
    """The patch spells addresses as words."""
    words = re.findall(r"oscformat klustr ([a-z ]+);", text_of(ROOT / "examples/first_steps.pd"))
    commands = {"/klustr/" + text.replace(" ", "/") for text in words}
    assert {"/klustr/hello", "/klustr/xy"} <= commands <= set(COMMANDS)


def test_commands_in_the_readme_exist() -> None:
    """Each `klustr-bridge ...` of the README is understood as it stands, and each command is named."""
    lines = re.findall(
        r"^(?: {4}|\$ )klustr-bridge\b *(.*?)(?: {2,}#.*)?$", text_of(ROOT / "README.md"), re.M
    )
    assert len(lines) > 10
    named = set()
    for line in lines:
        words = shlex.split(line)
        if "COMMAND" in words:
            continue
        parsed = _parse(words)  # ends the test with its message if it is not understood
        named.add(getattr(parsed, "command", None))
    mentioned = set(re.findall(r"\b[a-z]+\b", text_of(ROOT / "README.md")))
    assert set(CLI_COMMANDS) <= mentioned
    assert named - {None} <= set(CLI_COMMANDS)


def shown_outputs() -> dict[str, list[str]]:
    """What the README shows a command to print, by the command."""
    shown = re.findall(r"^\$ klustr-bridge (.+)\n((?:.+\n)+)", text_of(ROOT / "README.md"), re.M)
    return {command: output.removesuffix("```\n").splitlines() for command, output in shown}


def test_the_readme_shows_what_commands_print(daemon: RunningDaemon, tmp_path: Path) -> None:
    """Asked of another library, each shown command prints as many rows under the same header."""
    shown = shown_outputs()
    uid = daemon.client.info(daemon.client.points()[0].id).uid
    assert {command.split()[0] for command in shown} == {"similar", "near", "find", "status"}
    for command, lines in shown.items():
        words = [word for word in shlex.split(command) if word != "808"]  # no word of these files' names
        words = [uid if re.fullmatch(r"[a-z2-7]{16}", word) else word for word in words]
        done = subprocess.run(
            [sys.executable, "-m", "klustr_bridge", *words],
            cwd=tmp_path,
            env=environment(daemon.home) | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout.splitlines()
        assert len(printed) == len(lines)
        if command == "status":
            assert [line.split()[0] for line in printed] == [line.split()[0] for line in lines]
        else:
            assert printed[0].split() == lines[0].split()


@pytest.mark.parametrize(
    ("language", "example"),
    [("supercollider", "examples/first_steps.scd"), ("text", "examples/oscsendfile/first_steps.txt")],
)
def test_the_readme_shows_the_examples_themselves(language: str, example: str) -> None:
    """What the README shows is the file that is tried, word for word."""
    assert f"```{language}\n{text_of(ROOT / example)}```" in text_of(ROOT / "README.md")


def test_the_readme_has_the_two_commands() -> None:
    """The first command starts the bridge, the second is what continuous integration extracts and runs."""
    readme = text_of(ROOT / "README.md")
    first, second = re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S)
    assert first.rstrip().endswith(".venv/bin/klustr-bridge")
    assert f"<!-- test command -->\n```sh\n{second}```" in readme
    assert second.rstrip().endswith("python -m tests")


def test_the_changelog_knows_the_release_and_the_protocol() -> None:
    """The version has its section, and the protocol's version is said there."""
    changelog = text_of(ROOT / "CHANGELOG.md")
    assert f"## [{__version__}]" in changelog
    assert f"protocol version {PROTOCOL}" in changelog


def test_pictures_are_small() -> None:
    """A checkout stays light: the map in the README is below 700 kB."""
    assert os.path.getsize(ROOT / "docs/map.png") < 700_000
