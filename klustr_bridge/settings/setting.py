"""One setting: what stands in the table of settings.

Owns: the shape of an entry, and what is allowed in words. Must not know any entry.
"""

from dataclasses import dataclass
from typing import Literal

Value = bool | int | float | str | tuple[str, ...]
Type = Literal["bool", "int", "float", "str", "path", "choice", "host", "lan", "list", "channels"]

ENVIRONMENT_PREFIX = "KLUSTR_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes
    ----------
    key : str
        ``section.name``, as in the file: ``index.workers``.
    type : str
        What a value may be; ``host`` is an address of this machine itself, ``lan`` one that other
        machines reach it at, ``path`` may begin with ``~``, ``list`` is a list of strings, ``channels``
        a pair such as ``3-4`` or one.
    default : Value
        Value in force when nobody says otherwise; the type of `Settings`' field.
    flag : str
        The command-line flag, ``--workers``.
    help : str
        One sentence for people, without the full stop.
    low, high : float or None
        Limits of a number, both included.
    zero : str
        What 0 means where it means something special; 0 is then allowed whatever `low` says.
    choices : tuple of str
        The words allowed for ``choice``.
    unit : str
        Unit of a number, empty where it has none.
    metavar : str
        What stands for the value in the help of the flag.
    """

    key: str
    type: Type
    default: Value
    flag: str
    help: str
    low: float | None = None
    high: float | None = None
    zero: str = ""
    choices: tuple[str, ...] = ()
    unit: str = ""
    metavar: str = "N"

    @property
    def section(self) -> str:
        """The table of the file that the setting stands in: ``index``."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """The key within its section: ``workers``."""
        return self.key.partition(".")[2]

    @property
    def environment(self) -> str:
        """The environment variable: ``KLUSTR_INDEX_WORKERS``."""
        return ENVIRONMENT_PREFIX + self.key.upper().replace(".", "_")

    def allowed(self) -> str:
        """What is allowed, in words, for messages and the reference."""
        if self.type == "bool":
            return "on or off (true, false, 1, 0)"
        if self.type == "choice":
            return "one of " + ", ".join(self.choices)
        if self.type == "host":
            return "an address of this machine itself: 127.0.0.1, ::1 or localhost"
        if self.type == "lan":
            return "an IPv4 address that this machine has in the network, such as 192.168.1.5, or 0.0.0.0"
        if self.type == "path":
            return "the path of a file, or nothing"
        if self.type == "list":
            return "a list of texts"
        if self.type == "str":
            return "a text on one line"
        if self.type == "channels":
            return "a pair of channels that follow each other, such as 1-2 or 3-4, or one, such as 1"
        noun = "a whole number" if self.type == "int" else "a number"
        span = (
            f" from {self.low:g} to {self.high:.12g}"
            if self.low is not None and self.high is not None
            else ""
        )
        within = self.low is not None and self.low <= 0
        beside = f"{'; 0 is' if within else ', or 0 for'} {self.zero}" if self.zero else ""
        return f"{noun}{span}{' ' + self.unit if self.unit else ''}{beside}"
