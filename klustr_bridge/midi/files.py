"""Mapping files: read, and added to without losing what else stands in them."""

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
        text = file.read_text(encoding="utf-8")
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
    control drove, and of what drove the same. Comments and all else in the file stay.

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
    file = file.resolve()  # a link stays one
    whole = file.with_name(f"{file.name}.new")
    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
        controllers = _tables_of(document, "controller")
        at = next((at for at, each in enumerate(known) if each.listens_to(port)), None)
        if at is None:
            controller = tomlkit.table()
            controller.add("ports", plain_name(port))
            controllers.append(controller)
            at = len(controllers) - 1
        controls = _tables_of(controllers[at], "control")
        for number, each in reversed(list(enumerate(controls))):
            other = make_binding(each.unwrap())
            same_target = (other.target, other.argument, other.cursor)
            if other.control == binding.control or same_target == (
                binding.target,
                binding.argument,
                binding.cursor,
            ):
                del controls[number]
        control = tomlkit.table()
        for name, value in fields.items():
            control.add(name, value)
        controls.append(control)
        file.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(tomlkit.dumps(document), encoding="utf-8")
        if file.exists():
            shutil.copymode(file, whole)
        load_controllers(whole)
        whole.replace(file)
    except OSError as error:
        raise MidiError(f"{file} can't be written: {error.strerror or error}") from error
    finally:
        whole.unlink(missing_ok=True)
    return binding


def _tables_of(table: Any, name: str) -> Any:
    """Return the list of tables of that name, a new one where there is none."""
    import tomlkit
    from tomlkit.items import AoT

    if name not in table:
        table.add(name, tomlkit.aot())
    if not isinstance(table[name], AoT):
        raise MidiError(f"{name} is written as one list; to be added to it has to be tables, [[{name}]]")
    return table[name]
