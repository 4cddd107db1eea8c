"""Runs `fae train ... --json` and watches it: memory of the device and of the process every second, and the processor time of the
thread that runs JavaScript. Prints one line, writes all of it as JSON.

    python3 long_run.py OUT.json FAE train DIRECTORY ...
"""

import json
import os
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def device_mib():
    """MiB in use on the device; None where there is no nvidia-smi."""
    try:
        said = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=10)
        return int(said.stdout.split()[0])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def resident_kib(process):
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def main_thread_seconds(process):
    with open(f"/proc/{process}/task/{process}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def watch(command):
    """Samples until the command ends; its standard output."""
    samples = []
    begin = time.monotonic()
    # To a file: a report is longer than a pipe holds, and nobody reads it before the end.
    with tempfile.TemporaryFile("w+") as output, subprocess.Popen(command, stdout=output, text=True) as process:
        while process.poll() is None:
            try:
                samples.append(
                    {
                        "seconds": round(time.monotonic() - begin, 2),
                        "deviceMiB": device_mib(),
                        "residentKiB": resident_kib(process.pid),
                        "mainThreadSeconds": main_thread_seconds(process.pid),
                    }
                )
            except (OSError, StopIteration):  # it has just ended
                break
            time.sleep(1)
        if process.wait() != 0:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        output.seek(0)
        return samples, json.load(output)


def main():
    out, command = sys.argv[1], sys.argv[2:]
    samples, report = watch(command)
    opened = report["seconds"]["open"]
    # From 2 s after the session was open to the end of training.
    steady = [s for s in samples if opened + 2 <= s["seconds"] <= opened + report["seconds"]["train"]]
    if len(steady) < 2:
        sys.exit("The run was too short to watch.")
    first, last = steady[0], steady[-1]
    wall = last["seconds"] - first["seconds"]
    script = (last["mainThreadSeconds"] - first["mainThreadSeconds"]) / wall
    found = {
        "command": command[1:],
        "steps": report["steps"],
        "seconds": report["seconds"],
        "mainThreadShare": round(script, 4),
        "samples": samples,
    }
    with open(out, "w") as file:
        json.dump(found, file)
    span = lambda key: f"{first[key]} .. {last[key]}"
    print(
        f"{report['steps']} steps in {report['seconds']['train']:.1f} s; from second {first['seconds']:.0f} to {last['seconds']:.0f}: device MiB {span('deviceMiB')}, "
        f"resident KiB {span('residentKiB')}, main thread (JavaScript) {100 * script:.1f} % of a core"
    )


main()
