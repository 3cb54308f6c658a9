"""Golden neighbourhoods of t-SNE by scikit-learn: the joint probabilities of seeded points at a perplexity.

    python tools/golden/tsne.py Tests/AuditTests/Golden/tsne.json

For each case the features, the perplexity, and the upper triangle of the symmetric matrix P, row by row.
scikit-learn calibrates in single precision and to an entropy within 1e-5.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.manifold import _t_sne
from sklearn.metrics import pairwise_distances

CASES = [(14, 3, 4.0, 1.0), (18, 8, 5.0, 30.0)]


def main(path: Path) -> None:
    generator = np.random.default_rng(8)
    cases = []
    for count, dimensions, perplexity, spread in CASES:
        # Two clouds of different width.
        features = generator.normal(size=(count, dimensions)) * spread
        features[count // 2 :] = features[count // 2 :] * 0.25 + 3 * spread
        features = features.astype(np.float32)
        distances = pairwise_distances(features.astype(np.float64), squared=True, metric="euclidean")
        joint = _t_sne._joint_probabilities(distances, perplexity, verbose=0)
        cases.append({"perplexity": perplexity, "features": np.round(features.astype(float), 7).tolist(),
                      "joint": [float(f"{p:.6g}") for p in joint]})
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"versions": versions, "cases": cases}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
