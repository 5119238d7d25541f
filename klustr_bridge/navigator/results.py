"""What the navigator answers with: frozen values, no behaviour.

Numbers are plain Python numbers, so that a surface can send them as they are. A sound that
has no place on the map yet has ``x`` and ``y`` of ``NO_PLACE`` (-1), which no place can have.
"""

from dataclasses import dataclass, field

from klustr_bridge.types import Float32Array, Int32Array

NO_PLACE = -1.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One sound of an answer, nearest first.

    Attributes
    ----------
    id : int
        The sound.
    distance : float
        Euclidean distance: on the map for ``near``, between embeddings for ``similar``.
    x, y : float
        Place on the map, 0..1; -1 where the sound has none yet.
    """

    id: int
    distance: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Hit:
    """The nearest sound of a cursor has changed: push to every subscriber.

    Attributes
    ----------
    cursor : int
        The acting client's cursor.
    id : int
        The sound now nearest.
    x, y : float
        Its place on the map, 0..1, in the acting client's view.
    distance : float
        From the cursor, in that view.
    origin : str
        What moved the cursor, such as ``osc``, ``midi`` or ``web``.
    places : dict of str to tuple of two floats
        Its place in each view, for subscribers of another one; `NO_PLACE` where it has none.
    """

    cursor: int
    id: int
    x: float
    y: float
    distance: float
    origin: str
    places: dict[str, tuple[float, float]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Play:
    """A sound was started: push to the acting client only, in every player mode.

    It names the voice, and what was started; in player mode ``internal`` the bridge sounds it.

    Attributes
    ----------
    voice : int
        Names this playing sound for ``stop``; never used twice by one navigator.
    id : int
        The sound, or the reserved id of a file not analysed yet.
    velocity : float
        0..1.
    path : bytes
        Absolute path of the file to play.
    start_s, end_s : float
        The part to play, seconds; ``end_s`` is 0 where the length isn't known yet (play to the end).
    """

    voice: int
    id: int
    velocity: float
    path: bytes
    start_s: float
    end_s: float


Event = Hit | Play


@dataclass(frozen=True, slots=True)
class Info:
    """All that is known of one sound, or of a listed file that waits for its analysis.

    Attributes
    ----------
    id : int
        The sound's id, or the file's reserved id.
    state : str
        ``ready``; ``unplaced``: analysed, but without a place on the map yet; ``pending``:
        not analysed yet, and every number is then 0 (``x``, ``y``: -1) and `uid` empty.
    uid : str
        16 characters, made from the audio itself.
    name : str
        The file's own name; bytes that aren't UTF-8 as U+FFFD.
    kind : str
        One of ``sound.kinds.KINDS``.
    kind_source : str
        What tells the kind: ``user``, ``file`` or ``folder`` (by name), ``sound``, or empty where nothing
        does.
    kind_confidence : float
        How sure the kind is, 0..1.
    x, y : float
        Place on the map, 0..1, or -1.
    duration_s : float
        Seconds.
    loudness_db : float
        Largest RMS level of 50 ms, dB relative to full scale.
    pitch_hz : float
        Fundamental frequency; 0 where there is none.
    pitch_confidence : float
        Periodic share of the sound's power, 0 (noise) to 1 (a steady tone).
    brightness_hz : float
        Mean spectral centroid.
    stereo_width : float
        0: mono; 1: nothing in common between the channels; up to 2 in opposite phase.
    is_loop : bool
        Several hits over its whole length.
    tempo_bpm : float
        Of a loop; 0 where there is none.
    favourite : bool
        Marked by the user.
    start_s, end_s : float
        A slice's place in its file, else 0 and the duration.
    """

    id: int
    state: str
    uid: str
    name: str
    kind: str
    kind_source: str
    kind_confidence: float
    x: float
    y: float
    duration_s: float = 0.0
    loudness_db: float = 0.0
    pitch_hz: float = 0.0
    pitch_confidence: float = 0.0
    brightness_hz: float = 0.0
    stereo_width: float = 0.0
    is_loop: bool = False
    tempo_bpm: float = 0.0
    favourite: bool = False
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Places on the map, by rising id.

    Attributes
    ----------
    epoch : int
        The layout's number; 0: no layout.
    ids : ndarray of int32, shape (n,)
        Sounds that have a place.
    xy : ndarray of float32, shape (n, 2)
        Their places, 0..1.
    """

    epoch: int
    ids: Int32Array
    xy: Float32Array


@dataclass(frozen=True, slots=True)
class FolderRow:
    """One watched folder: absolute path, present files, ``watched``, ``absent`` or ``polled``."""

    path: bytes
    n_files: int
    state: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One file that could not be used, and why."""

    path: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Problems:
    """A run of problems: `rows` start at number `start` of `total`."""

    total: int
    start: int
    rows: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How far the library is.

    Attributes
    ----------
    state : str
        ``starting``: no snapshot yet; ``scanning``, ``analysing`` and ``layout``: what is being done;
        ``empty``: all is done and no file known; ``ready``.
    n_files, n_sounds, n_pending, n_refused : int
        Present files, distinct sounds, files that wait, files that can't be used.
    epoch : int
        The layout's number; 0: none yet.
    """

    state: str
    n_files: int
    n_sounds: int
    n_pending: int
    n_refused: int
    epoch: int
