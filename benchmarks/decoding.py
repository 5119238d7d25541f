"""Decoding files alone, in worker processes: what indexing is measured against.

Light, since its workers import it: they need nothing but soundfile.
"""

import multiprocessing
import multiprocessing.connection
import os
import time
from multiprocessing.connection import Connection

_FILES_AT_ONCE = 8  # in a worker's hands, as the indexer gives them out


def decode_all(paths: list[bytes], workers: int) -> float:
    """Decode every file whole in so many spawned processes, fed as the indexer feeds its own."""
    context = multiprocessing.get_context("spawn")
    started = time.perf_counter()
    processes = []
    hands: dict[Connection, int] = {}
    for _ in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_decode_worker, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        hands[ours] = 0
    left = iter(paths)
    n_open = 0
    for connection in [*hands] * _FILES_AT_ONCE:
        if (path := next(left, None)) is not None:
            connection.send_bytes(path)
            n_open += 1
    while n_open:
        for ready in multiprocessing.connection.wait([*hands]):
            assert isinstance(ready, Connection)
            ready.recv_bytes()
            n_open -= 1
            if (path := next(left, None)) is not None:
                ready.send_bytes(path)
                n_open += 1
    took_s = time.perf_counter() - started
    for connection in hands:
        connection.close()
    for process in processes:
        process.join(10)
    return took_s


def _decode_worker(connection: Connection) -> None:
    import soundfile

    try:
        while True:
            path = connection.recv_bytes()
            try:
                with soundfile.SoundFile(os.fsdecode(path)) as file:
                    file.read(dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:  # what can't be decoded costs what it costs
                pass
            connection.send_bytes(b"")
    except (EOFError, OSError):
        return
