"""Mapping files: read, and added to without losing what else stands in them."""

import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

from klustr_bridge.errors import MidiError
from klustr_bridge.midi.bindings import Binding, Controller, make_binding, make_controllers
from klustr_bridge.midi.names import plain_name


def load_controllers(file: Path) -> tuple[Controller, ...]:
    """Return the controllers of a mapping file; none where there is no file.

    Raises
    ------
    MidiError
        It can't be read, or something in it is wrong; the message says what and where.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors of Windows put a mark at the beginning
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise MidiError(f"{file} can't be read: {error}") from error
    try:
        return make_controllers(tomllib.loads(text))
    except (ValueError, RecursionError, MidiError) as error:  # TOMLDecodeError is a ValueError
        raise MidiError(f"{file}: {error}") from error


def add_binding(file: Path, port: str, fields: dict[str, object]) -> Binding:
    """Write a binding of an input's control into a mapping file.

    It goes to the controller that understands this input, or a new one, and takes the place of what that
    control drove, on its channel or on any, and of what drove the same. Comments and all else in the file
    stay.

    Parameters
    ----------
    port : str
        The input's name.
    fields : dict
        As `make_binding` takes them.

    Raises
    ------
    MidiError
        The file holds mistakes, or can't be written.
    """
    import tomlkit  # only who learns needs it

    binding = make_binding(fields)
    known = load_controllers(file)
    try:
        file = file.resolve()  # a link stays one
    except (OSError, RuntimeError) as error:
        raise MidiError(f"{file} can't be written: {error}") from error
    whole = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        text = file.read_bytes().decode("utf-8-sig") if file.exists() else ""
        document = tomlkit.parse(text)
        controllers = _tables_of(document, "controller")
        at = next((at for at, each in enumerate(known) if each.listens_to(port)), None)
        if at is None:
            controller = tomlkit.table()
            controller.add("ports", plain_name(port))
            controllers.append(controller)
            at = len(controllers) - 1
        controls = _tables_of(controllers[at], "control")
        for number, each in reversed(list(enumerate(controls))):
            if _gives_way(make_binding(each.unwrap()), binding):
                del controls[number]
        control = tomlkit.table()
        for name, value in fields.items():
            control.add(name, value)
        controls.append(control)
        file.parent.mkdir(parents=True, exist_ok=True)
        line_end = "\r\n" if "\r\n" in text else "\n"
        lines = tomlkit.dumps(document).replace("\r\n", "\n").replace("\n", line_end)
        whole.write_bytes(lines.encode())
        if file.exists():
            shutil.copymode(file, whole)
        load_controllers(whole)
        whole.replace(file)
    except OSError as error:
        raise MidiError(f"{file} can't be written: {error.strerror or error}") from error
    finally:
        whole.unlink(missing_ok=True)
    return binding


def _gives_way(old: Binding, new: Binding) -> bool:
    """Whether a binding is of the control of a new one, or drives the same."""
    is_of_it = (old.control.kind, old.control.number) == (new.control.kind, new.control.number)
    if is_of_it and old.control.channel in (None, new.control.channel):
        return True
    return (old.target, old.argument, old.cursor) == (new.target, new.argument, new.cursor)


def _tables_of(table: Any, name: str) -> Any:
    """Return the list of tables of that name, a new one where there is none."""
    import tomlkit
    from tomlkit.items import AoT

    if name not in table:
        table.add(name, tomlkit.aot())
    if not isinstance(table[name], AoT):
        raise MidiError(f"{name} is written as one list; to be added to it has to be tables, [[{name}]]")
    return table[name]
