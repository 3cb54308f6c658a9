"""Whether two builds of `cupel-bench` are equally fast: interleaved A B A B, medians of ratios.

usage: same-speed.py OLD NEW [--rounds N] [--budget SECONDS] [--most RATIO]
OLD and NEW are the programs (swift build --package-path Benchmarks -c release --product cupel-bench).
Exit status 1 where a model's median ratio new / old is above --most (default 1.03).
"""

import argparse
import itertools
import statistics
import sys

from cupel_bench import CupelBench

NETWORKS = ["resnet8", "ds-cnn", "mobilenetv1-0.25", "autoencoder", "resnet20", "resnet18", "mobilenetv2"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.1)
    parser.add_argument("--most", type=float, default=1.03)
    options = parser.parse_args()
    old, new = CupelBench(options.old), CupelBench(options.new)
    slower = 0
    print("time ratios, new / old\nmodel              bits threads batch   ratio  (quartiles)")
    for name, bits, threads, batch in itertools.product(NETWORKS, (8, 4), (1, 2), (1, 32)):
        question = ("time", name, bits, threads, batch, options.budget)
        ratios = []
        for round in range(options.rounds):
            # Whoever comes second meets a warmer machine: they take turns.
            first, second = (old, new) if round % 2 else (new, old)
            seconds = {first: first.ask(*question)}
            seconds[second] = second.ask(*question)
            ratios.append(seconds[new] / seconds[old])
        low, ratio, high = statistics.quantiles(ratios, n=4)
        slower += ratio > options.most
        print(f"{name:18} {bits:4d} {threads:7d} {batch:5d} {ratio:7.3f}  ({low:.3f} … {high:.3f})",
              flush=True)
    print(f"{slower} slower than {options.most} times")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
