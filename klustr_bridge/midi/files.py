"""Mapping files: read, and added to without losing what else stands in them."""

import tomllib
from pathlib import Path

from klustr_bridge.errors import MidiError
from klustr_bridge.midi.bindings import Binding, Controller, make_binding, make_controllers


def load_controllers(file: Path) -> tuple[Controller, ...]:
    """Return the controllers of a mapping file; none where there is no file.

    Raises
    ------
    MidiError
        It can't be read, or something in it is wrong; the message says what and where.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise MidiError(f"{file} can't be read: {error}") from error
    try:
        return make_controllers(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, MidiError) as error:
        raise MidiError(f"{file}: {error}") from error


def add_binding(file: Path, ports: str, fields: dict[str, object]) -> Binding:
    """Write a binding into a mapping file, in place of one of the same target and cursor of that controller.

    Comments and all else in the file stay.

    Parameters
    ----------
    ports : str
        The controller: as its ``ports`` says, else a new one.
    fields : dict
        As `make_binding` takes them.

    Raises
    ------
    MidiError
        The file holds mistakes, or can't be written.
    """
    import tomlkit  # only who learns needs it
    from tomlkit.items import AoT, Table

    binding = make_binding(fields)
    load_controllers(file)
    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
        controllers = document.setdefault("controller", tomlkit.aot())
        assert isinstance(controllers, AoT)
        controller = next((each for each in controllers if each.get("ports", "") == ports), None)
        if controller is None:
            controller = tomlkit.table()
            controller.add("ports", ports)
            controllers.append(controller)
        assert isinstance(controller, Table)
        controls = controller.setdefault("control", tomlkit.aot())
        assert isinstance(controls, AoT)
        for number, each in reversed(list(enumerate(controls))):
            if (each.get("target"), each.get("cursor", 0)) == (fields["target"], fields.get("cursor", 0)):
                del controls[number]
        control = tomlkit.table()
        for name, value in fields.items():
            control.add(name, value)
        controls.append(control)
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_name(f"{file.name}.new")
        whole.write_text(tomlkit.dumps(document), encoding="utf-8")
        load_controllers(whole)
        whole.replace(file)
    except OSError as error:
        raise MidiError(f"{file} can't be written: {error.strerror or error}") from error
    return binding


def plain_name(port: str) -> str:
    """Return what of an input's name stays from one session to the next: without numbers that systems add."""
    name = port.partition(":")[0] if ":" in port else port
    words = name.split()
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    plain = " ".join(words)
    if not plain:
        raise MidiError(f"the input {port!r} has no name to know it by")
    return plain
