"""The kind of a sound, as far as the names of its file and folders tell.

Owns the list of kinds and the reading of names. It must not listen: what a sound really is, its audio tells.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from klustr_bridge.sound.kind_words import (
    ABBREVIATIONS,
    AT_LAST,
    CLOSED_WORDS,
    DOUBTFUL,
    EFFECT_WORDS,
    HAND_DRUMS,
    HAT_WORDS,
    NEUTRAL_WORDS,
    OPEN_WORDS,
    PHRASES,
    PLAIN_WORDS,
    SURE_WORDS,
    WORDS,
)

__all__ = ["KINDS", "KIND_CODES", "kind_from_path", "kind_of_path", "kinds_in_name"]

KINDS: tuple[str, ...] = (
    "unknown",
    "kick",
    "snare",
    "rim",
    "clap",
    "closed_hat",
    "open_hat",
    "ride",
    "crash",
    "tom",
    "conga",
    "cowbell",
    "shaker",
    "tambourine",
    "perc",
    "bass",
    "synth",
    "vocal",
    "fx",
    "loop",
)
"""All kinds; the index is the code in snapshots and never changes."""

KIND_CODES: dict[str, int] = {kind: code for code, kind in enumerate(KINDS)}

# Where a name says several things: a loop of kicks is a loop, a crash cymbal a crash, a synth tom a tom, a
# snare with noise a snare. Within a rank the first word counts.
_RANKS: tuple[frozenset[str], ...] = (
    frozenset({"loop"}),
    frozenset({"rim", "closed_hat", "open_hat"}),
    frozenset({"kick", "snare", "clap", "ride", "tom", "conga", "cowbell", "shaker", "tambourine"}),
    frozenset({"crash"}),
    frozenset({"vocal"}),
    frozenset({"bass"}),
    frozenset({"perc"}),
    frozenset({"synth"}),
    frozenset({"fx"}),
)
# What a folder may tell more exactly than the file: percussion in "Shakers", a cymbal in "Ride".
_FINER: dict[str, frozenset[str]] = {
    "perc": frozenset({"conga", "cowbell", "shaker", "tambourine"}),
    "crash": frozenset({"ride", "closed_hat", "open_hat"}),
}
# Folders of these hold many things: a letter or two may tell which.
_BROAD = frozenset({"perc", "synth", "fx"})
_HC = {"808": "conga", "909": "clap"}  # the same letters on two machines
# Folders named so hold all kinds: "Drum Hits", "808 Kit", "Metal", which is a style.
_OF_FILES = frozenset(
    {"hit", "hits", "808", "ambient", "beat", "cinematic", "metal", "orchestral", "pop", "rap"}
)
_DRUM_LETTERS = frozenset({"bd", "bds", "sd", "sds"})  # never the pitch or style beside a word
_SHORTEST_PIECE = 3  # letters of a word that may be glued to another one
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|&")
_TEMPO = re.compile(r"(?<!\d)\d{2,3}[ _-]?bpm(?![a-z])|(?<![a-z])bpm[ _-]?\d{2,3}(?!\d)", re.IGNORECASE)
_SETTINGS_909 = re.compile(r"(?<![A-Z])([BS])T[0-9A](?:[TSA]?[0-9A]){2,3}(?![A-Z])")  # "BT0A0A7": its knobs
_CODE = re.compile(r"(?<![A-Za-z0-9])(?:[0-9a-f]+|[0-9A-F]+)(?![A-Za-z0-9])")  # "03bd1f3f9418"
_DIGITS_OF_MACHINES = re.compile(r"(?<!\d)(505|606|626|707|727|808|909)(?!\d)")
_MACHINE = re.compile(
    r"(tr|tb|cr|dr|mc|sh|sp|rz|rx|ry|mpc|mfb|sr|cs|linn|roland|boss|korg|yamaha|casio|akai|alesis) "
    r"(55|66|77|78|101|110|202|303|404|505|512|555|606|626|660|707|727|808|880|909|[12358]000)"
    r"|mt (68|70)|cp (70|80)|rc (300|505)"
)


def kind_from_path(path: bytes, root: bytes | None = None) -> str:
    """Tell the kind of a sample file by its name, else by its folders: the first half of `kind_of_path`."""
    return kind_of_path(path, root)[0]


def kind_of_path(path: bytes, root: bytes | None = None) -> tuple[str, str]:
    """Tell the kind of a sample file by its name, else by its folders, the nearest first.

    Words for what rings and is struck come first, then letters such as BD, then the folders; words that often
    are mere fancy ("Thunder") come last. Where the file's name leaves something open (hats in "Hats/Open",
    "perc 3" in "Shakers"), the folders above it decide.

    Parameters
    ----------
    path : bytes
        Absolute, or relative to `root`.
    root : bytes, optional
        The watched folder: names above it don't count, its own name counts last.

    Returns
    -------
    kind : str
        One of `KINDS`; ``unknown`` where no name tells.
    source : str
        ``file`` or ``folder``: whose name it comes from; empty where no name tells.
    """
    if root is not None and path.startswith(root.rstrip(b"/\\") + os.fsencode(os.sep)):
        path = os.path.join(os.path.basename(root.rstrip(b"/\\")), path[len(root.rstrip(b"/\\")) + 1 :])
    *folders, name = re.split(rb"[/\\]" if os.sep == "\\" else rb"/", path)
    said = [_read(os.path.splitext(name)[0], True), *map(_read_folder, reversed(folders))]
    for at, one in enumerate(said):
        if one.kind:
            kind = _settled(said, at, path)
            is_of_file = at == 0 and kind in (one.kind, _settled(said[:1], 0, name))
            return kind, "file" if is_of_file else "folder"
    for at, one in enumerate(said):
        if one.at_last:
            return one.at_last, "folder" if at else "file"
    return "unknown", ""


def kinds_in_name(name: bytes) -> frozenset[str]:
    """All kinds that the words of one file name tell, whichever of them it is: a "kick snare" tells two."""
    return frozenset(_kinds_of_words(_tokens(_plain(os.path.splitext(os.path.basename(name))[0]))))


@dataclass(frozen=True, slots=True)
class _Said:
    """What one file or folder name says; empty where nothing."""

    kind: str = ""
    others: frozenset[str] = frozenset()  # kinds that it says as clearly
    letters: str = ""  # what says it, where it is no more than letters
    is_plain: bool = False  # by a word that covers several kinds
    hat: str = ""  # how its hat is, or hats below it are: open or closed
    at_last: str = ""


def _settled(said: list[_Said], at: int, path: bytes) -> str:
    """Kind that the name at a place tells, with what the others make of all that it leaves open."""
    one, above = said[at], said[at + 1 :]
    outer = next((folder for folder in above if folder.kind), _Said())
    if one.letters in DOUBTFUL and outer.kind and not outer.letters and outer.kind not in _BROAD:
        return outer.kind
    if one.letters == "hc":
        return next((kind for machine, kind in _HC.items() if machine.encode() in path), one.kind)
    if one.is_plain and outer.kind in _FINER.get(one.kind, ()):
        return outer.kind
    if one.kind == "closed_hat" and not one.hat:
        return next((name.hat for name in said if name.hat), one.kind)
    return outer.kind if outer.kind in one.others else one.kind


@lru_cache(maxsize=4096)
def _read_folder(folder: bytes) -> _Said:
    return _read(folder, False)


def _read(name: bytes, is_file: bool) -> _Said:
    text = _plain(name)
    if is_file and _TEMPO.search(text):
        return _Said("loop")
    tokens = _tokens(text)
    meaning = [token for token in tokens if not token.isdigit()]
    # A folder named by more than a word or two: letters and fancy words mean something else there.
    is_terse = is_file or len(meaning) <= 2
    kinds = _kinds_of_words(tokens)
    kind, others = _best(kinds)
    if kind != "loop" and (tokens[:1] in (["fx"], ["sfx"]) or any(token in EFFECT_WORDS for token in tokens)):
        kind, others = "fx", frozenset()
    if kind == "bass" and any(token in HAND_DRUMS for token in tokens):
        kind, others = "perc", frozenset()
    short = [token for token in tokens if token in ABBREVIATIONS] if is_terse else []
    drums = [token for token in short if token in _DRUM_LETTERS]
    letters = ""
    if drums and kind in ("", "vocal", "bass", "perc", "synth", "fx"):
        letters = drums[-1]
    elif short and (not kind or (kind == "fx" and short[-1] in ("oh", "ch") and "noise" in tokens)):
        letters = short[-1]
    if letters:
        kind = ABBREVIATIONS[letters]
        return _Said(kind, letters=letters, hat=_said_of_hats(tokens, [kind]))
    last = [AT_LAST[token] for token in tokens if token in AT_LAST and (is_file or token not in _OF_FILES)]
    last = last if is_terse else []
    is_plain = not any(token in WORDS and token not in PLAIN_WORDS for token in tokens)
    return _Said(kind, others, "", is_plain, _said_of_hats(tokens, kinds), last[0] if last else "")


def _plain(name: bytes) -> str:
    """Text without accents; bytes that aren't UTF-8 separate words."""
    text = unicodedata.normalize("NFKD", name.decode("utf-8", errors="replace").replace("ß", "ss"))
    return "".join(c for c in text if not unicodedata.combining(c))


def _tokens(text: str) -> list[str]:
    """Words and numbers of a name, lower case: separated, in camelCase or with digits glued on."""
    tokens: list[str] = []
    text = _SETTINGS_909.sub(lambda found: " bd " if found[1] == "B" else " sd ", text)
    for token in _TOKEN.findall(_CODE.sub(_unless_a_code, text)):
        token = token.lower()
        if token == "s" and tokens and tokens[-1].isdigit():  # 808s
            tokens[-1] += "s"
        elif token not in WORDS and token not in HAT_WORDS and token not in ABBREVIATIONS:
            tokens.extend(_pieces(token) or _sure_word(token) or [token])
        else:
            tokens.append(token)
    return _without_machines(tokens)


def _unless_a_code(run: re.Match[str]) -> str:
    """A run of hexadecimal digits, or nothing where it is the code of a file: its letters are mere digits.

    Letters between digits make a code, but for what begins with a machine's or a drum's name: "808bd01",
    "BD0A".
    """
    parts = re.findall(r"[a-f]+|\d+", run[0].lower())
    n_allowed = 3 if parts[0] in ABBREVIATIONS else 2
    return run[0] if len(parts) <= n_allowed or _DIGITS_OF_MACHINES.search(run[0]) else " "


def _without_machines(tokens: list[str]) -> list[str]:
    """Drop the names of machines: the MC of MC-303 is no conga, the SH of SH-101 no shaker."""
    kept: list[str] = []
    at = 0
    while at < len(tokens):
        if _MACHINE.fullmatch(" ".join(tokens[at : at + 2])):
            at += 2
            continue
        kept.append(tokens[at])
        at += 1
    return kept


def _sure_word(token: str) -> list[str] | None:
    """A word that is clear even with a few letters more ("dblkick"); "kicker", "clapped" are other words."""
    for word in SURE_WORDS:
        before, found, behind = token.partition(word)
        if found and behind in ("", "s") and len(before) <= (2 if word == "bass" else 4):
            return None if before in ("side", "drop") else [word]
        if (
            found
            and not before
            and word != "bass"
            and len(behind) <= 2
            and behind not in ("er", "ed", "ey", "y")
        ):
            return [word]
    return ["hit"] if re.search(r"..(?:[^s]|ss)hits?$", token) else None  # "metalhit"


@lru_cache(maxsize=4096)  # "hihat" is also "hi" and "hat": without it each one doubles the ways to try
def _pieces(token: str) -> tuple[str, ...] | None:
    """Known words that a longer word consists of without a rest ("openhat", "lowtom", never "tombola")."""
    for end in range(len(token) - 2, 1, -1):
        first, rest = token[:end], token[end:]
        if not _may_be_glued(first):
            continue
        if _may_be_glued(rest):
            return (first, rest)
        further = _pieces(rest) if len(rest) > 2 * _SHORTEST_PIECE - 2 else None
        if further:
            return (first, *further)
    return None


def _may_be_glued(word: str) -> bool:
    if len(word) < _SHORTEST_PIECE:
        return word in ("hh", "hi", "lo")  # "hhopen", "hitom"
    return (
        word in WORDS
        or word in HAT_WORDS
        or word in OPEN_WORDS
        or word in CLOSED_WORDS
        or word in NEUTRAL_WORDS
    )


def _kinds_of_words(tokens: list[str]) -> list[str]:
    """Kinds in the order in which words and phrases tell them."""
    kinds: list[str] = []
    at = 0
    while at < len(tokens):
        for length in (4, 3, 2):
            phrase = tuple(tokens[at : at + length])
            if len(phrase) == length and phrase in PHRASES:
                if PHRASES[phrase]:
                    kinds.append(PHRASES[phrase])
                at += length
                break
        else:
            is_hat = tokens[at] in HAT_WORDS or (WORDS.get(tokens[at]) == "crash" and _is_a_hat(tokens))
            if is_hat:
                kinds.append(_hat(tokens))
            elif tokens[at] in WORDS:
                kinds.append(WORDS[tokens[at]])
            at += 1
    if not kinds and "hh" in tokens:  # beside other words it is a pitch: "conga-hh"
        kinds.append(_hat(tokens))
    return kinds


def _is_a_hat(tokens: list[str]) -> bool:
    """Whether a cymbal is a hi-hat: only those are opened and closed."""
    return any(token in OPEN_WORDS or token in CLOSED_WORDS for token in tokens)


def _hat(tokens: list[str]) -> str:
    is_open = any(token in OPEN_WORDS or ABBREVIATIONS.get(token) == "open_hat" for token in tokens)
    is_closed = any(token in CLOSED_WORDS for token in tokens)
    # "hh o", "hat_op": a letter beside the word.
    is_open = is_open or any(token in ("o", "op") for token in tokens)
    return "open_hat" if is_open and not is_closed else "closed_hat"


def _said_of_hats(tokens: list[str], kinds: list[str]) -> str:
    """Whether hats are said to be open or closed: beside the word, or by nothing else ("Hats/Open/01")."""
    is_bare = all(
        token.isdigit() or token in OPEN_WORDS or token in CLOSED_WORDS or token in NEUTRAL_WORDS
        for token in tokens
    )
    if "open_hat" in kinds:
        return "open_hat"
    if not is_bare and "closed_hat" not in kinds:
        return ""
    is_closed = any(
        token in CLOSED_WORDS or (token != "hc" and ABBREVIATIONS.get(token) == "closed_hat")
        for token in tokens
    )
    return "closed_hat" if is_closed else "open_hat" if _is_a_hat(tokens) else ""


def _best(kinds: list[str]) -> tuple[str, frozenset[str]]:
    """Kind of the highest rank, and those of the same rank."""
    for rank in _RANKS:
        found = [kind for kind in kinds if kind in rank]
        if found:
            return found[0], frozenset(found[1:])
    return "", frozenset()
