"""Swapping the corpus under running questions."""

import threading

from klustr_bridge.navigator import Navigator
from tests.corpus.snapshots import Made, MadeSound, below
from tests.navigator.parts import NotingLibrarian, a_client, corpus_of


def made(first_id: int, n: int, library_id: str) -> Made:
    sounds = [
        MadeSound(
            first_id + i,
            [below(f"{library_id} {i}.wav")],
            ((i % 17) / 17, (i % 23) / 23),
            (i % 11, i % 13),
            ("kick", "snare")[i % 2],
        )
        for i in range(n)
    ]
    return Made(sounds, library_id=library_id)


def test_every_answer_is_from_one_corpus_while_another_thread_publishes(tmp_path):
    """Readers take no lock: an answer is wholly of the old or of the new corpus, and none fails."""
    small, large = corpus_of(tmp_path, made(1, 40, "a")), corpus_of(tmp_path, made(10_000, 1500, "b"))
    navigator = Navigator(None, NotingLibrarian(), small)
    finished = threading.Event()
    swaps = 0

    def publish() -> None:
        nonlocal swaps
        while not finished.is_set():
            navigator.publish((large, small)[swaps % 2])
            swaps += 1

    thread = threading.Thread(target=publish)
    thread.start()
    client, kept = a_client(audition="retrigger"), a_client()
    navigator.filter_kinds(kept, ["snare"])
    seen = set()
    try:
        for i in range(100):
            answers = [
                [n.id for n in navigator.near_xy((client, kept)[i % 2], 0.4, 0.6, 20)],
                [n.id for n in navigator.similar_vector((kept, client)[i % 2], (3.0, 4.0), 20)],
                navigator.find((client, kept)[i % 2], "wav", 20),
                [event.id for event in navigator.move(client, (i % 7) / 7, 0.5)],
                [event.id for event in navigator.random(client)],
                navigator.points().ids.tolist(),
            ]
            for ids in answers:
                of_large = {sound_id >= 10_000 for sound_id in ids}
                assert len(of_large) == 1
                seen |= of_large
    finally:
        finished.set()
        thread.join()
    assert swaps > 1
    assert seen == {True, False}
