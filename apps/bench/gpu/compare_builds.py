"""Medians of two builds of step_bench, per model, route and batch, and their ratio. Fails when their losses differ.

    python3 compare_builds.py FOLDER OUT.json

FOLDER holds MODEL-before.jsonl and MODEL-after.jsonl, several rounds of each in one file.
"""

import glob
import json
import os
import statistics
import subprocess
import sys


def results(path):
    """(route, batch) -> all milliseconds per step, and the losses of the first segment of each round."""
    found = {}
    for line in open(path):
        row = json.loads(line)
        times, losses = found.setdefault((row["route"], row["batch"]), ([], set()))
        times.extend(row["all"])
        losses.add(row["loss"])
    return found


def main():
    folder, out = sys.argv[1:3]
    rows, different = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*-before.jsonl"))):
        model = os.path.basename(path)[: -len("-before.jsonl")]
        before, after = results(path), results(path.replace("-before", "-after"))
        for (route, batch), (old, old_losses) in before.items():
            new, new_losses = after[(route, batch)]
            middle = [statistics.median(old), statistics.median(new)]
            if old_losses != new_losses:
                different.append(f"{model} {route} {batch}: {sorted(old_losses)} and {sorted(new_losses)}")
            rows.append(
                {
                    "model": model,
                    "route": route,
                    "batch": batch,
                    "before": {"median": middle[0], "least": min(old), "most": max(old), "repeats": len(old)},
                    "after": {"median": middle[1], "least": min(new), "most": max(new), "repeats": len(new)},
                    "ratio": middle[1] / middle[0],
                    "loss": sorted(old_losses),
                    "equal": old_losses == new_losses,
                }
            )
            print(f"{model} {route:8} {batch:6} {middle[0]:.4f} -> {middle[1]:.4f} ms  {middle[1] / middle[0]:.3f}")
    gpu = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True)
    with open(out, "w") as file:
        json.dump({"gpu": gpu.stdout.strip().split("\n")[0], "rows": rows}, file, indent=2)
    if not rows or different:
        print("\n".join(["Nothing was measured."] if not rows else ["Losses differ:", *different]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
