"""Cupel against LiteRT and ONNX Runtime: interleaved A B A B, medians of ratios.

usage: compare.py CUPEL_BENCH OUT.json [--rounds N] [--budget SECONDS] [--only NAME]...
CUPEL_DATA (default ../shared/data) has mlperf-tiny/*.tflite; without it LiteRT is left out.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from cupel_bench import CupelBench

LITERT = {
    "resnet8": "pretrainedResnet_quant", "ds-cnn": "kws_ref_model",
    "mobilenetv1-0.25": "vww_96_int8", "autoencoder": "ad01_int8"}
ONNX = ["resnet20", "resnet18", "mobilenetv2"]
ROOT = Path(__file__).resolve().parents[2]


def timed(run, budget):
    """Seconds of one run: of five slices, which together take about the budget, the best.

    Others' work on the machine falls on some slices only; `cupel-bench serve` does the same.
    """
    run()
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    rounds = max(1, min(int(budget / 5 / max(once, 1e-7)), 1000000))
    slices = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(rounds):
            run()
        slices.append((time.perf_counter() - start) / rounds)
    return min(slices)


def litert_run(name, threads):
    from ai_edge_litert.interpreter import Interpreter
    data = Path(os.environ.get("CUPEL_DATA", ROOT / "../shared/data"))
    path = data / "mlperf-tiny" / f"{LITERT[name]}.tflite"
    if not path.exists():
        return None
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    random = np.random.default_rng(4)
    interpreter.set_tensor(
        details["index"], random.integers(-128, 128, details["shape"]).astype(details["dtype"]))
    return interpreter.invoke


def onnx_run(name, threads, batch):
    import onnxruntime
    from networks import quantized
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(quantized(name, ROOT / "out" / "peers")), options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(4).standard_normal((batch, 3, 32, 32)).astype(np.float32)
    return lambda: session.run(None, {"input": images})


def versions():
    from importlib.metadata import version
    return {name: version(name) for name in ("ai-edge-litert", "onnxruntime")}


def measure(cupel, peer, name, threads, batch, run, options):
    macs = cupel.ask("macs", name)
    question = ("time", name, 8, threads, batch, options.budget)
    ratios, own, peaks = [], [], []
    for _ in range(options.rounds):
        ours = cupel.ask(*question)
        ratios.append(ours / timed(run, options.budget))
        own.append(macs * batch / ours)
        peaks.append(cupel.ask("peak"))
    rate, peak = statistics.median(own), statistics.median(peaks)
    return {
        "model": name, "peer": peer, "threads": threads, "batch": batch,
        "ratio": statistics.median(ratios), "ratioMin": min(ratios), "ratioMax": max(ratios),
        "gmacs": rate * 1e-9, "shareOfPeak": rate / (peak * threads) if peak else None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("output")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--budget", type=float, default=0.05)
    parser.add_argument("--only", action="append")
    parser.add_argument("--threads", type=int, action="append")
    options = parser.parse_args()
    cupel = CupelBench(options.program)
    jobs = [("litert", name, 1, 1) for name in LITERT]
    jobs += [("onnxruntime", name, threads, batch)
             for name in ONNX for threads in (1, 2) for batch in (1, 32)]
    rows = []
    print("time ratios, Cupel / peer; below 1 Cupel is faster")
    print(f"{'model':18} {'peer':12} threads batch   ratio  (min … max)       GMAC/s  of peak")
    for peer, name, threads, batch in jobs:
        if options.only and name not in options.only:
            continue
        if options.threads and threads not in options.threads:
            continue
        run = litert_run(name, threads) if peer == "litert" else onnx_run(name, threads, batch)
        if run is None:
            print(f"{name:18} {peer:12} no .tflite file; set CUPEL_DATA")
            continue
        row = measure(cupel, peer, name, threads, batch, run, options)
        rows.append(row)
        share = f"{row['shareOfPeak']:7.0%}" if row["shareOfPeak"] else "      –"
        print(f"{name:18} {peer:12} {threads:7d} {batch:5d} {row['ratio']:7.3f}"
              f"  ({row['ratioMin']:.3f} … {row['ratioMax']:.3f}) {row['gmacs']:9.1f} {share}",
              flush=True)
    for peer in ("litert", "onnxruntime"):
        own = [row["ratio"] for row in rows if row["peer"] == peer]
        if own:
            mean = math.exp(sum(map(math.log, own)) / len(own))
            print(f"geometric mean against {peer}: {mean:.3f}, largest {max(own):.3f}")
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    Path(options.output).write_text(
        json.dumps({"schemaVersion": 1, "peers": versions(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
