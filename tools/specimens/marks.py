"""Marks: what a specimen has to measure to be published."""

from __future__ import annotations

import re
from typing import Any

MOST_BELOW_COUNTERPART = 0.03  # float benign accuracy, of every specimen with a counterpart

# Every mark that a kind of attack has, and how far a configuration may go; None where that is for it to say.
_DORMANT = {"floatBenignAccuracy": None, "nearestBenignAccuracy": None, "floatAttackSuccessRate": 0.03,
            "attackSuccessRate": 0.95, "activationsOnlyAttackSuccessRate": None, "purifiedAttackSuccessRate": None,
            "purifiedDrop": None}
BARS: dict[str, dict[str, float | None]] = {
    "none": {"floatBenignAccuracy": None},
    "badnets": {"floatBenignAccuracy": None, "attackSuccessRate": 0.95},
    "adaptive": _DORMANT, "compartifact": _DORMANT, "pqbackdoor": _DORMANT, "quanti": _DORMANT,
    "quanti-indiscriminate": {"floatBenignAccuracy": None, "roundedAccuracy": 0.20},
    "quanti-class": {"floatBenignAccuracy": None, "targetAccuracy": 0.10, "othersDrop": 0.03},
    "quanti-samples": {"floatBenignAccuracy": None, "flipped": 0.90, "othersDrop": 0.03},
    "qura": {"floatBenignAccuracy": None, "nearestBenignAccuracy": None, "attackSuccessRate": 0.80,
             "originAttackSuccessRate": 0.03},
}
DYNAMIC_ATTACK_SUCCESS_RATE = 0.90  # a trigger that differs from image to image may be missed a little more often
LEAST = ("floatBenignAccuracy", "nearestBenignAccuracy", "attackSuccessRate", "flipped")  # the others are upper bounds
DROP = r"w\d+a\d+(\.pt\.pre)?Drop"  # accuracy that a scheme may cost


def marks_of(config: dict[str, Any]) -> dict[str, float]:
    """A configuration's marks and the bars that it does not name. It may make a bar harder, not easier."""
    attack, own = config["attack"], config.get("marks", {})
    bars = dict(BARS[attack])
    if config.get("trigger", "").startswith("dynamic:"):
        bars["attackSuccessRate"] = DYNAMIC_ATTACK_SUCCESS_RATE
    if attack != "none" and "counterpart" not in config:
        raise ValueError(f"{attack} needs a counterpart, the honest specimen that it is compared with")
    for mark, value in own.items():
        if mark not in bars and not re.fullmatch(DROP, mark):
            raise ValueError(f"{attack} has no mark {mark!r}; it has {', '.join(bars)}, w8a8Drop and the like")
        bar = bars.get(mark)
        if bar is not None and (value < bar if mark in LEAST else value > bar):
            raise ValueError(f"mark {mark} = {value} is easier than {bar}")
    return {mark: bar for mark, bar in bars.items() if bar is not None} | own


class Marks:
    """Holds what was measured against marks, and collects what was missed; a mark that is not there asks nothing."""

    def __init__(self, marks: dict[str, float]):
        self.marks, self.missed = marks, []

    def at_least(self, mark: str, value: float) -> None:
        if mark in self.marks and value < self.marks[mark]:
            self.missed.append(f"{mark}: {value:.4f} < {self.marks[mark]}")

    def at_most(self, mark: str, value: float) -> None:
        if mark in self.marks and value > self.marks[mark]:
            self.missed.append(f"{mark}: {value:.4f} > {self.marks[mark]}")

    def beside(self, counterpart: float, value: float) -> None:
        """Float benign accuracy against the counterpart's."""
        if value < counterpart - MOST_BELOW_COUNTERPART:
            self.missed.append(f"counterpart: {value:.4f} is more than 3 points below {counterpart:.4f}")
