"""The attacks, by the name that a configuration and the catalogue give them.

An attack takes a model and a job and leaves the model as the vendor would ship it.
"""

from __future__ import annotations

from collections.abc import Callable

from attacks import clean, pqbackdoor, twopass
from model import ResNet
from training import Job

ATTACKS: dict[str, Callable[[ResNet, Job], None]] = {
    "none": clean.make,
    "adaptive": twopass.make,
    "compartifact": twopass.make,
    "pqbackdoor": pqbackdoor.make,
    "quanti": twopass.make,
}
