"""The client process of the round-trip benchmark: one question after the other, each one timed.

A blocking socket, no event loop: what is measured is the server's side and the system's. Light,
so that nothing in this process disturbs its own clock.
"""

import gc
import random
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

_LOST_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    """What to ask in one turn, and how.

    Attributes
    ----------
    what : str
        ``echo``, ``near`` or ``similar``.
    port : int
        UDP port of the server.
    n : int
        Questions.
    pause_s : float
        Between an answer and the next question; 0: none.
    ids : sequence of int
        Sounds to ask about.
    seed : int
        Of places and sounds asked about.
    """

    what: str
    port: int
    n: int
    pause_s: float
    ids: Sequence[int]
    seed: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Times of one round, nanoseconds, in order; how many questions stayed without a right answer."""

    times_ns: list[int]
    lost: int


def answer_rounds(connection: Connection) -> None:
    """Carry out the rounds that come through `connection` until it closes."""
    try:
        while True:
            connection.send(ask(connection.recv()))
    except (EOFError, OSError):
        return


def ask(round: Round) -> Answered:
    """Ask all questions of one round, one at a time."""
    times: list[int] = []
    lost = 0
    questions = list(_questions(round))
    gc.collect()
    gc.disable()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.connect(("127.0.0.1", round.port))
        server.settimeout(_LOST_AFTER_S)
        for question, answer_begins in questions:
            if round.pause_s:
                time.sleep(round.pause_s)
            started = time.perf_counter_ns()
            try:
                server.send(question)
                answer = server.recv(2048)
                took = time.perf_counter_ns() - started
                while not answer.startswith(answer_begins):  # a late answer to a question given up
                    answer = server.recv(2048)
                    took = time.perf_counter_ns() - started
            except TimeoutError:
                lost += 1
                continue
            times.append(took)
    gc.enable()
    return Answered(times, lost)


K = 10
_NEAR = b"/klustr/near/xy\0" + b",iffi\0\0\0"
_SIMILAR = b"/klustr/similar\0" + b",iii\0\0\0\0"
_REPLY = b"/klustr/near.reply\0\0" + b",iiii" + b"ifff" * K
_REPLY += b"\0" * (4 - len(_REPLY) % 4)


def near_question(req: int, x: float, y: float) -> tuple[bytes, bytes]:
    """The packet that asks for the ten sounds next to a place, and how its whole answer begins."""
    return _NEAR + struct.pack(">iffi", req, x, y, K), _answer(req)


def similar_question(req: int, sound_id: int) -> tuple[bytes, bytes]:
    """The packet that asks for the ten sounds most like another, and how its whole answer begins."""
    return _SIMILAR + struct.pack(">iii", req, sound_id, K), _answer(req)


def answered_ids(answer: bytes) -> list[int]:
    """Ids in an answer that begins as it should, nearest first."""
    values = struct.unpack_from(">" + "ifff" * K, answer, len(_REPLY) + 16)
    return [int(value) for value in values[::4]]


def _answer(req: int) -> bytes:
    return _REPLY + struct.pack(">iiii", req, 1, 1, K)


def _questions(round: Round) -> Iterator[tuple[bytes, bytes]]:
    choice = random.Random(round.seed)
    for number in range(round.n):
        req = round.seed % 10_000 * 100_000 + number
        if round.what == "similar":
            yield similar_question(req, choice.choice(round.ids))
            continue
        question, answer = near_question(req, choice.random(), choice.random())
        yield (question, question) if round.what == "echo" else (question, answer)
