"""The errors of the project: one root, one class a room.

A message says what failed, the value, what is allowed, and the next step.
This module must not import any other room.
"""


class KlustrError(Exception):
    """Root of every error that klustr-bridge raises on purpose."""


class SettingsError(KlustrError):
    """One or more settings are wrong; the message lists every mistake."""


class RefusedSound(KlustrError):
    """A file can't be used as a sound; the message is the reason shown to the user."""


class EarError(KlustrError):
    """The learned ear can't be loaded, or is asked about what it can't have heard."""


class LibraryError(KlustrError):
    """The library file or a folder in it can't be used as asked."""


class LayoutError(KlustrError):
    """A layout can't be computed from the data given."""


class IndexerError(KlustrError):
    """The indexing processes can't do their work."""


class StudyError(KlustrError):
    """A study can't be made of the folder, labels or numbers given."""


class QueryError(KlustrError):
    """A question or command from outside can't be answered.

    Parameters
    ----------
    code : str
        One of ``badargs unknown notfound notready busy toobig denied internal``,
        the codes of ``/klustr/fail``.
    message : str
        What failed, the value, what is allowed.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PlayerError(KlustrError):
    """The audio output can't be opened or used."""


class ClockError(KlustrError):
    """The beat of a session can't be followed."""


class MidiError(KlustrError):
    """A controller's mapping holds a mistake, or can't be read or written."""


class BridgeError(KlustrError):
    """A surface (OSC, MIDI, web) can't be opened."""
