"""Asking a question in a process of its own, because the answer may hang or crash.

Owns: the child process and its end. Audio and MIDI systems block for ever or abort the process they
are asked from; here that costs a child and a few seconds.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable
from typing import Any

from klustr_bridge.errors import KlustrError


class NoAnswer(Exception):
    """The child has hung or died; the message says which. Never leaves this package."""


def ask_in_child(question: Callable[..., Any], *arguments: Any, limit_s: float) -> Any:
    """Return what ``question(*arguments)`` returns in a fresh process.

    Parameters
    ----------
    question : callable
        A function of a module; its arguments and answer must be picklable.
    *arguments
        Given to it.
    limit_s : float
        How long it may take, the start of the process included.

    Raises
    ------
    NoAnswer
        If it takes longer, ends the process or raises.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, question, arguments), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(limit_s):
            raise NoAnswer(f"no answer within {limit_s:g} s")
        kind, answer = ours.recv()
    except (EOFError, OSError):
        child.join(2)
        raise NoAnswer(f"the process that asked has died (exit code {child.exitcode})") from None
    finally:
        ours.close()
        if child.is_alive():
            child.join(0.5)
            child.kill()
        child.join(2)  # not for ever: a process stuck in a driver can't be killed either
        if child.exitcode is not None:
            child.close()
    if kind == "error":
        raise NoAnswer(str(answer).rstrip("."))  # some systems end with a full stop, ours don't
    return answer


def _answer(
    pipe: "multiprocessing.connection.Connection[Any, Any]",
    question: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    os.environ["JACK_NO_START_SERVER"] = "1"  # looking must not start anything
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for output in (1, 2):  # ALSA and JACK write their thoughts there
            os.dup2(nowhere, output)
    try:
        answer = ("answer", question(*arguments))
    except KlustrError as error:
        answer = ("error", str(error))
    except Exception as error:
        answer = ("error", f"{type(error).__name__}: {error}")
    pipe.send(answer)
    pipe.close()
    os._exit(0)  # closing the audio system may hang as well
