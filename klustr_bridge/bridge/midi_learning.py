"""Learning on a running surface: one control at a time, for one target.

This module owns who waits for a hand, and for how long. Which control was moved the room `midi` finds out.
"""

import asyncio
from types import SimpleNamespace
from typing import Final

from klustr_bridge.errors import QueryError
from klustr_bridge.midi.learning import Learned, Learner

LIMIT_S: Final = 20.0


class Learning:
    """Waits for a control to be moved."""

    def __init__(self) -> None:
        self._target = ""
        self._learners: dict[str, Learner] = {}
        self._moved: asyncio.Future[tuple[str, Learned]] | None = None

    @property
    def is_on(self) -> bool:
        """Whether a control is being learned now."""
        return self._moved is not None

    async def wait(self, target: str) -> tuple[str, Learned]:
        """Return the input and the control that is moved next; whoever has waited until now is told so.

        Raises
        ------
        QueryError
            ``notready`` when nothing is moved, `cancel` is called, or another one is to be learned.
        """
        self._give_up(f"a control for {target} is learned now")
        moved: asyncio.Future[tuple[str, Learned]] = asyncio.get_running_loop().create_future()
        self._target, self._learners, self._moved = target, {}, moved
        try:
            async with asyncio.timeout(LIMIT_S):
                return await moved
        except TimeoutError:
            raise QueryError("notready", f"nothing was moved for {LIMIT_S:.0f} s") from None
        finally:
            if self._moved is moved:
                self._moved = None

    def cancel(self) -> None:
        """Have nobody wait any more; no error if nobody does."""
        self._give_up("it was called off")

    def hear(self, message: SimpleNamespace) -> None:
        """Take a message of an input, while learning is on."""
        if self._moved is None or self._moved.done():
            return
        learner = self._learners.setdefault(message.port, Learner(self._target))
        if (found := learner.hear(message)) is not None:
            self._moved.set_result((message.port, found))

    def _give_up(self, reason: str) -> None:
        moved, self._moved = self._moved, None
        if moved is not None and not moved.done():
            moved.set_exception(
                QueryError("notready", f"no control for {self._target} was learned: {reason}")
            )
