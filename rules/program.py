"""A linear program in whole numbers, put together row by row and solved by HiGHS.

An answer is rounded and given with the solver's bound: whoever asks checks both in integers. The solver runs on one
thread from one seed, so the same program has the same answer. Source: rules, section 6 (exact allocation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import highspy
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NODES = 5_000
"""Effort after which the best answer so far is taken, with a warning: counted, so the same on every machine."""

OPTIONS: Mapping[str, bool | int | float | str] = {
    "output_flag": False,
    "parallel": "off",
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.5,  # costs are whole numbers
    "mip_max_nodes": NODES,
}


class Program:
    """A linear program over columns from 0 to *upper*, some rows at a time; whole numbers only when asked."""

    def __init__(self, cost: Floats, upper: Floats) -> None:
        self._cost, self._upper = cost, upper
        self._columns: list[npt.NDArray[np.int32]] = []
        self._values: list[Floats] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def add(
        self, columns: Sequence[int] | Ints, values: Sequence[float] | Floats | Ints, low: float, high: float
    ) -> None:
        """One row: low <= sum of values x columns <= high."""
        self._columns.append(np.asarray(columns, dtype=np.int32))
        self._values.append(np.asarray(values, dtype=float))
        self._low.append(float(low))
        self._high.append(float(high))

    def units(self, size: int) -> Ints | None:
        """The first *size* columns of a best whole answer; None when there is none."""
        found, _ = self.whole(None)
        return None if found is None else found[:size]

    def whole(self, start: Floats | None) -> tuple[Ints | None, float]:
        """A best answer in whole numbers, rounded, and the bound that no answer is below."""
        solver = self._solver(whole=True)
        if start is not None:
            known = highspy.HighsSolution()
            known.col_value = start.tolist()
            solver.setSolution(known)
        solver.run()
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None, -np.inf
        found: Ints = np.rint(np.array(solver.getSolution().col_value)).astype(np.int64)
        return found, float(info.mip_dual_bound)

    def prices(self) -> Floats:
        """A multiplier for each row from the relaxed program, those of the wrong sign put to 0."""
        solver = self._solver(whole=False)
        solver.run()
        prices = np.array(solver.getSolution().row_dual, dtype=float)
        if len(prices) != len(self._low):
            prices = np.zeros(len(self._low))
        idle = ((prices > 0) & np.isinf(self._low)) | ((prices < 0) & np.isinf(self._high)) | ~np.isfinite(prices)
        return np.where(idle, 0.0, prices)

    def _solver(self, *, whole: bool) -> highspy.Highs:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in OPTIONS.items():
            solver.setOptionValue(name, value)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self._cost), len(self._low)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self._cost, np.zeros(len(self._cost)), self._upper
        lp.row_lower_, lp.row_upper_ = np.array(self._low), np.array(self._high)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lengths = [len(columns) for columns in self._columns]
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        lp.a_matrix_.index_ = np.concatenate(self._columns)
        lp.a_matrix_.value_ = np.concatenate(self._values)
        if whole:
            lp.integrality_ = [highspy.HighsVarType.kInteger] * len(self._cost)
        solver.passModel(lp)
        return solver
