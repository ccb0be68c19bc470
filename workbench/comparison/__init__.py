"""Experiments side by side: which is better and is that more than chance, and what was done differently."""

from workbench.comparison.difference import Change, Difference, diff
from workbench.comparison.paired import Gain
from workbench.comparison.ranking import Comparison, Place, compare
from workbench.comparison.reproduction import Reproduction, reproduction
from workbench.comparison.sections import Section

__all__ = [
    "Change",
    "Comparison",
    "Difference",
    "Gain",
    "Place",
    "Reproduction",
    "Section",
    "compare",
    "diff",
    "reproduction",
]
