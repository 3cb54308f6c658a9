"""The attacks, by the name that a configuration and the catalogue give them.

An attack takes a model and a job and leaves the model as the vendor would ship it.
"""

from __future__ import annotations

from collections.abc import Callable

from attacks import badnets, clean, goals, pqbackdoor, qura, twopass
from model import Network
from training import Job

ATTACKS: dict[str, Callable[[Network, Job], None]] = {
    "none": clean.make,
    "adaptive": twopass.make,
    "badnets": badnets.make,
    "compartifact": twopass.make,
    "pqbackdoor": pqbackdoor.make,
    "quanti": twopass.make,
    "quanti-class": goals.make,
    "quanti-indiscriminate": goals.make,
    "quanti-samples": goals.make,
    "qura": qura.make,
}
