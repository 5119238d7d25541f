"""No two sounds at one place.

This module owns the fine lattice of cells that keeps dots apart, so that each can be pointed at.
It must not decide where a sound belongs, only which free place next to that it gets.
"""

import numpy as np
from numpy.typing import NDArray

from klustr_bridge.types import Float32Array

CELLS = 4_096
"""Cells along one side of the map; 1 / 4096 of a map shown 1,000 pixels wide is a quarter pixel."""

MIN_DISTANCE = 0.5 / CELLS
"""The least distance between a sound placed in the middle of a free cell and any other."""

_FIRST_REACH = 64


class Spacing:
    """Which cells of the map are taken.

    Cells are only ever taken, never given back.

    Parameters
    ----------
    cells : int
        Cells along one side of the map.
    """

    def __init__(self, cells: int = CELLS) -> None:
        self._cells = cells
        self._taken: set[int] = set()
        # Where the search around a cell ended last time: everything nearer is still taken.
        self._resume: dict[int, int] = {}
        self._reach = 0
        self._offsets: list[tuple[int, int]] = []

    @property
    def n_free(self) -> int:
        """How many cells are free."""
        return self._cells**2 - len(self._taken)

    def occupy(self, xy: Float32Array) -> None:
        """Take the cells of sounds that stay where they are.

        Parameters
        ----------
        xy : ndarray of float32, shape (n, 2)
            Positions in 0..1.
        """
        self._taken.update(self._cells_at(xy).tolist())

    def settle(self, xy: Float32Array, *, exact: bool = False) -> Float32Array:
        """Give each sound, in turn, the free cell nearest to where it belongs, and take that.

        Parameters
        ----------
        xy : ndarray of float32, shape (n, 2)
            Where the sounds belong, in 0..1; no more than there are free cells.
        exact : bool
            Leave a sound whose own cell is free exactly where it is, rather than in the middle of
            the cell. Positions are then distinct, but may be closer than MIN_DISTANCE.

        Returns
        -------
        ndarray of float32, shape (n, 2)
        """
        wanted = self._cells_at(xy)
        result = np.array(xy, dtype=np.float32)
        got = np.empty(len(wanted), dtype=np.int64)
        for row, cell in enumerate(wanted.tolist()):
            got[row] = cell if cell not in self._taken else self._next_free(cell)
            self._taken.add(int(got[row]))
        moved = got != wanted if exact else np.ones(len(got), dtype=np.bool_)
        middle = np.stack([got % self._cells, got // self._cells], axis=1) + 0.5
        result[moved] = (middle[moved] / self._cells).astype(np.float32)
        return result

    def _next_free(self, cell: int) -> int:
        column, row = cell % self._cells, cell // self._cells
        position = self._resume.get(cell, 0)
        while True:
            while position >= len(self._offsets):
                self._widen()
            across, up = self._offsets[position]
            position += 1
            if 0 <= column + across < self._cells and 0 <= row + up < self._cells:
                candidate = (row + up) * self._cells + column + across
                if candidate not in self._taken:
                    self._resume[cell] = position
                    return candidate

    def _widen(self) -> None:
        """Extend the list of neighbouring cells, nearest first, to twice the reach."""
        inner, self._reach = self._reach, max(_FIRST_REACH, 2 * self._reach)
        span = np.arange(-self._reach, self._reach + 1)
        across, up = (part.ravel() for part in np.meshgrid(span, span))
        squared = across**2 + up**2
        ring = (squared > inner**2) & (squared <= self._reach**2)
        across, up, squared = across[ring], up[ring], squared[ring]
        order = np.lexsort((np.arctan2(up, across), squared))
        self._offsets.extend(zip(across[order].tolist(), up[order].tolist(), strict=True))

    def _cells_at(self, xy: Float32Array) -> NDArray[np.int64]:
        """Number of the cell that holds each position."""
        last = self._cells - 1
        columns_rows = (np.asarray(xy, dtype=np.float64) * self._cells).astype(np.int64).clip(0, last)
        return np.asarray(columns_rows[:, 1] * self._cells + columns_rows[:, 0])
