r"""The library as a table for other programs: ``.npz``, ``.json`` or ``.csv``.

Owns: the columns and their order, the three formats, and putting the finished file in its place at
once. Paths are written as `library.paths.to_export` does: bytes that are no UTF-8, and the backslash,
become ``\xNN``. Must not ask the library for anything: it is given the rows.
"""

import csv
import io
import json
import math
import os
import secrets
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.errors import KlustrError
from klustr_bridge.library.paths import to_export
from klustr_bridge.types import Float32Array

# What is turned into its final form at a time: the memory beyond the data itself.
_CHUNK_ROWS = 1024
_CHUNK_BYTES = 1 << 20


class ExportError(KlustrError):
    """The export can't be written; the message says why."""


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One present, analysed sample file, or a slice of one.

    Attributes
    ----------
    path : bytes
        Absolute path.
    id, uid : int, str
        Of the sound that it holds.
    embedding : ndarray of float32, shape (d,)
        The same d in all rows.
    x, y : float
        Natural position, 0..1; NaN where there is none yet.
    even_x, even_y : float
        Position in the even view, likewise.
    kind : str
        One of `sound.kinds.KINDS`.
    kind_source : str
        What tells it: one of `library.kind_sources.KIND_SOURCES`.
    duration_s, loudness_db, brightness_hz, pitch_hz, pitch_confidence, stereo_width, tempo_bpm : float
        As in `Analysis`; the loudness is the largest RMS level of 50 ms, dB relative to full scale.
    kind_confidence : float
        How sure the kind is, 0..1.
    start_s, end_s : float
        Where the sound begins and ends in the file: of a slice its place, else 0 and the duration.
    is_loop : bool
        As in `Analysis`.
    parent : int
        Id of the sound that a slice is a part of; 0 where it is whole.
    epoch : int
        Version of the layout that the position belongs to; 0 where there is none.
    """

    path: bytes
    id: int
    uid: str
    embedding: Float32Array
    x: float
    y: float
    even_x: float
    even_y: float
    kind: str
    kind_source: str
    duration_s: float
    loudness_db: float
    brightness_hz: float
    pitch_hz: float
    pitch_confidence: float
    stereo_width: float
    tempo_bpm: float
    kind_confidence: float
    start_s: float
    end_s: float
    is_loop: bool
    parent: int
    epoch: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """The rows as columns: a tenth of the memory of Python objects. `order` sorts them by path."""

    path: list[str]
    uid: list[str]
    kind: list[str]
    kind_source: list[str]
    whole: NDArray[np.int32]  # (n, 4): id, epoch, is_loop, parent
    position: Float32Array  # (n, 2)
    even_position: Float32Array  # (n, 2)
    measured: Float32Array  # (n, 10): MEASURED
    embedding: Float32Array  # (n, d)
    order: NDArray[np.intp]


MEASURED = (
    "duration_s",
    "loudness_db",
    "brightness_hz",
    "pitch_hz",
    "pitch_confidence",
    "stereo_width",
    "tempo_bpm",
    "kind_confidence",
    "start_s",
    "end_s",
)
"""The columns of numbers, as `ExportRow` names them."""


def export_rows(rows: Iterable[ExportRow], out: Path) -> int:
    """Write one row for each sample file, sorted by path, and put the file in place when it is whole.

    Parameters
    ----------
    rows : iterable of ExportRow
        In any order; taken one by one.
    out : Path
        The file; its suffix ``.npz``, ``.json`` or ``.csv`` is the format. An older one is replaced.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    ExportError
        If the suffix is another one, the file can't be written, or the embeddings differ in size.
    """
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise ExportError(
            f"no export format for {str(out)!r}: allowed are .npz (NumPy), .json and .csv; "
            f"for example {out.with_suffix('.npz').name if out.name else 'library.npz'}"
        )
    if not out.parent.is_dir():
        raise ExportError(f"the folder {str(out.parent)!r} does not exist; create it, or choose another one")
    if out.is_dir():
        raise ExportError(f"{str(out)!r} is a folder; name a file")
    columns = _gather(rows)
    aside = out.with_name(f".klustr-export-{secrets.token_hex(6)}.tmp")
    try:
        try:
            with aside.open("xb") as stream:
                write(columns, stream)
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{str(out)!r} can't be written: {error.strerror or error}") from error
    return len(columns.path)


def _gather(rows: Iterable[ExportRow]) -> _Columns:
    path: list[str] = []
    uid: list[str] = []
    kind: list[str] = []
    kind_source: list[str] = []
    whole, position, measured, embedding = array("i"), array("f"), array("f"), array("f")
    even_position = array("f")
    kinds: dict[str, str] = {}  # the same few words: kept once
    first: ExportRow | None = None
    for row in rows:
        first = first or row
        if row.embedding.shape != first.embedding.shape:
            raise ExportError(
                f"sound {row.id} has {row.embedding.size} numbers in its embedding, sound {first.id} has "
                f"{first.embedding.size}: the library is being analysed anew; export when that has finished"
            )
        path.append(to_export(row.path))
        uid.append(row.uid)
        kind.append(kinds.setdefault(row.kind, row.kind))
        kind_source.append(kinds.setdefault(row.kind_source, row.kind_source))
        whole.extend((row.id, row.epoch, int(row.is_loop), row.parent))
        position.extend(_place(row.x, row.y))
        even_position.extend(_place(row.even_x, row.even_y))
        measured.extend([getattr(row, name) for name in MEASURED])
        embedding.frombytes(np.ascontiguousarray(row.embedding, dtype=np.float32).tobytes())
    n = len(path)
    # stable: the slices of a file follow it in time
    order = np.array(sorted(range(n), key=path.__getitem__), dtype=np.intp)
    size = first.embedding.size if first else 0
    return _Columns(
        path,
        uid,
        kind,
        kind_source,
        np.frombuffer(whole, dtype=np.int32).reshape(n, 4) if n else np.empty((0, 4), np.int32),
        _matrix(position, n, 2),
        _matrix(even_position, n, 2),
        _matrix(measured, n, len(MEASURED)),
        _matrix(embedding, n, size),
        order,
    )


def _place(x: float, y: float) -> tuple[float, float]:
    return (x, y) if math.isfinite(x) and math.isfinite(y) else (math.nan, math.nan)


def _matrix(numbers: "array[float]", n: int, width: int) -> Float32Array:
    if not numbers:  # numpy makes no view of nothing
        return np.empty((n, width), np.float32)
    return np.frombuffer(numbers, dtype=np.float32).reshape(n, width)


def _chunks(order: NDArray[np.intp], row_bytes: int = 1) -> Iterator[NDArray[np.intp]]:
    rows = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // max(row_bytes, 1)))
    for start in range(0, len(order), rows):
        yield order[start : start + rows]


def _write_npz(columns: _Columns, stream: IO[bytes]) -> None:
    """Write the archive member by member, as `numpy.savez` would, but in pieces.

    An array of texts takes four bytes a character of the longest one for every row: the paths of a
    large library at once would be many times the data.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name in ("path", "uid", "kind", "kind_source"):
            texts: list[str] = getattr(columns, name)
            dtype = np.dtype(f"<U{max(map(len, texts), default=1) or 1}")
            _write_member(archive, name, dtype, (), columns.order, _texts_at(texts, dtype), compressed=True)
        for name, numbers in (
            ("id", columns.whole[:, 0]),
            ("epoch", columns.whole[:, 1]),
            ("is_loop", columns.whole[:, 2].astype(np.bool_)),
            ("parent", columns.whole[:, 3]),
            ("position", columns.position),
            ("even_position", columns.even_position),
            ("embedding", columns.embedding),
            *((name, columns.measured[:, i]) for i, name in enumerate(MEASURED)),
        ):
            _write_member(
                archive,
                name,
                numbers.dtype,
                numbers.shape[1:],
                columns.order,
                numbers.__getitem__,
                compressed=False,
            )


def _texts_at(texts: list[str], dtype: "np.dtype[np.str_]") -> Callable[[NDArray[np.intp]], NDArray[np.str_]]:
    return lambda chosen: np.array([texts[i] for i in chosen], dtype=dtype)


def _write_member(
    archive: zipfile.ZipFile,
    name: str,
    dtype: "np.dtype[np.generic]",
    shape: tuple[int, ...],
    order: NDArray[np.intp],
    pick: Callable[[NDArray[np.intp]], NDArray[np.generic]],
    *,
    compressed: bool,
) -> None:
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (len(order), *shape),
    }
    with archive.open(entry, "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for chosen in _chunks(order, dtype.itemsize * math.prod(shape)):
            member.write(np.ascontiguousarray(pick(chosen)).tobytes())


def _join(numbers: list[float], missing: str) -> str:
    """Return numbers parted by commas, each read back as the same float32; `missing` where not finite."""
    if all(map(math.isfinite, numbers)):
        # nine digits hold any float32; one format for the whole row takes two thirds of the time
        return ",".join(["%.9g"] * len(numbers)) % tuple(numbers)
    return ",".join(f"{number:.9g}" if math.isfinite(number) else missing for number in numbers)


def _list(numbers: Float32Array) -> str:
    return f"[{_join(numbers.tolist(), 'null')}]"


def _write_json(columns: _Columns, stream: IO[bytes]) -> None:
    """Write a list of objects, one a line; what isn't finite becomes null."""
    stream.write(b"[")
    separator = "\n"
    for chosen in _chunks(columns.order):
        lines = []
        for i in chosen.tolist():
            number, epoch, is_loop, parent = columns.whole[i].tolist()
            measured = _join(columns.measured[i].tolist(), "null").split(",")
            numbers = ",".join(f'"{name}":{text}' for name, text in zip(MEASURED, measured, strict=True))
            places = (columns.position[i], columns.even_position[i])
            position, even_position = ("null" if np.isnan(xy[0]) else _list(xy) for xy in places)
            embedding = _list(columns.embedding[i])
            lines.append(
                f'{separator}{{"path":{json.dumps(columns.path[i])},"id":{number},'
                f'"uid":{json.dumps(columns.uid[i])},"kind":{json.dumps(columns.kind[i])},'
                f'"kind_source":{json.dumps(columns.kind_source[i])},{numbers},'
                f'"is_loop":{"true" if is_loop else "false"},"parent":{parent},'
                f'"epoch":{epoch},"position":{position},"even_position":{even_position},'
                f'"embedding":{embedding}}}'
            )
            separator = ",\n"
        stream.write("".join(lines).encode())
    stream.write(b"\n]\n")


def _write_csv(columns: _Columns, stream: IO[bytes]) -> None:
    """Write RFC 4180: UTF-8, a header, lines ended by CR LF; what isn't finite is empty."""
    size = columns.embedding.shape[1]
    names = (
        "path",
        "id",
        "uid",
        "kind",
        "kind_source",
        *MEASURED,
        "is_loop",
        "parent",
        "epoch",
        "position_x",
        "position_y",
        "even_position_x",
        "even_position_y",
    )
    stream.write(_csv_line([*names, *(f"embedding_{i}" for i in range(size))]).encode())
    for chosen in _chunks(columns.order):
        lines = []
        for i in chosen.tolist():
            number, epoch, is_loop, parent = columns.whole[i].tolist()
            texts = (columns.uid[i], columns.kind[i], columns.kind_source[i])
            words = _csv_line([columns.path[i], number, *texts]).removesuffix("\r\n")
            measured = _join(columns.measured[i].tolist(), "")
            position = _join([*columns.position[i].tolist(), *columns.even_position[i].tolist()], "")
            embedding = "," + _join(columns.embedding[i].tolist(), "") if size else ""
            lines.append(f"{words},{measured},{is_loop},{parent},{epoch},{position}{embedding}\r\n")
        stream.write("".join(lines).encode())


def _csv_line(fields: list[object]) -> str:
    line = io.StringIO(newline="")
    # the end of line must be given: the writer quotes only the line ends that it knows of
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return line.getvalue()


_WRITERS: dict[str, Callable[[_Columns, IO[bytes]], None]] = {
    ".npz": _write_npz,
    ".json": _write_json,
    ".csv": _write_csv,
}
