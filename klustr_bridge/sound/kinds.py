"""The kind of a sound, as far as the names of its file and folders tell.

Owns the list of kinds and the reading of names. It must not listen: what a sound really is, its audio tells.
"""

import os
import re
import unicodedata
from functools import lru_cache

from klustr_bridge.sound.kind_words import (
    ABBREVIATIONS,
    CLOSED_WORDS,
    HAT_WORDS,
    NEUTRAL_WORDS,
    OPEN_WORDS,
    PHRASES,
    WORDS,
)

__all__ = ["KINDS", "KIND_CODES", "kind_from_path"]

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
_SHORTEST_PIECE = 3  # letters of a word that may be glued to another one
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|&")
_TEMPO = re.compile(r"(?<!\d)\d{2,3}[ _-]?bpm(?![a-z])|(?<![a-z])bpm[ _-]?\d{2,3}(?!\d)", re.IGNORECASE)
_MACHINE = re.compile(
    r"(tr|tb|cr|dr|mc|sh|sp|rz|rx|mpc|mfb|sr|cs|roland|boss|korg|yamaha|casio|linn) "
    r"(55|66|77|78|101|110|202|303|404|505|512|555|606|626|660|707|727|808|880|909|[12358]000)"
)


def kind_from_path(path: bytes, root: bytes | None = None) -> str:
    """Tell the kind of a sample file by its name, else by its folders, the nearest first.

    Parameters
    ----------
    path : bytes
        Absolute, or relative to `root`.
    root : bytes, optional
        The watched folder: names above it don't count, its own name counts last.

    Returns
    -------
    str
        One of `KINDS`; ``unknown`` where no name tells.
    """
    if root is not None and path.startswith(root.rstrip(b"/\\") + os.fsencode(os.sep)):
        path = os.path.join(os.path.basename(root.rstrip(b"/\\")), path[len(root.rstrip(b"/\\")) + 1 :])
    *folders, name = re.split(rb"[/\\]" if os.sep == "\\" else rb"/", path)
    stem = os.path.splitext(name)[0]
    kind = _kind_of_name(stem, True)
    for folder in reversed(folders):
        if kind:
            break
        kind = _kind_of_folder(folder)
    if not kind and _is_plain_808(stem):
        kind = "bass"
    return kind or "unknown"


@lru_cache(maxsize=4096)
def _kind_of_folder(folder: bytes) -> str:
    return _kind_of_name(folder, False)


def _kind_of_name(name: bytes, is_file: bool) -> str:
    """Kind that one file or folder name tells; empty where none."""
    text = _plain(name)
    if is_file and _TEMPO.search(text):
        return "loop"
    tokens = _tokens(text)
    by_words = _best(_kinds_of_words(tokens))
    if by_words:
        return by_words
    short = [ABBREVIATIONS[token] for token in tokens if token in ABBREVIATIONS]
    if not is_file:  # a folder named by more than the letters alone: they mean something else there
        meaning = [token for token in tokens if not token.isdigit()]
        short = short if len(meaning) <= 2 else []
    return short[-1] if short else ""


def _plain(name: bytes) -> str:
    """Text without accents; bytes that aren't UTF-8 separate words."""
    text = unicodedata.normalize("NFKD", name.decode("utf-8", errors="replace").replace("ß", "ss"))
    return "".join(c for c in text if not unicodedata.combining(c))


def _tokens(text: str) -> list[str]:
    """Words and numbers of a name, lower case: separated, in camelCase or with digits glued on."""
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        token = token.lower()
        if token == "s" and tokens and tokens[-1].isdigit():  # 808s
            tokens[-1] += "s"
        elif token not in WORDS and token not in HAT_WORDS and token not in ABBREVIATIONS:
            tokens.extend(_pieces(token) or [token])
        else:
            tokens.append(token)
    return _without_machines(tokens)


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


def _pieces(token: str) -> list[str] | None:
    """Known words that a longer word consists of without a rest ("openhat", "lowtom", never "tombola")."""
    for end in range(len(token) - 2, 1, -1):
        first, rest = token[:end], token[end:]
        if not _may_be_glued(first):
            continue
        if _may_be_glued(rest):
            return [first, rest]
        further = _pieces(rest) if len(rest) > 2 * _SHORTEST_PIECE - 2 else None
        if further:
            return [first, *further]
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
        for length in (3, 2):
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


def _best(kinds: list[str]) -> str:
    for rank in _RANKS:
        for kind in kinds:
            if kind in rank:
                return kind
    return ""


def _is_plain_808(stem: bytes) -> bool:
    """Whether a name says 808 as the sound, a long bass, and not as the machine TR-808."""
    return "808" in _tokens(_plain(stem))
