import { formatCount, formatSeconds } from "./format.js";
import type { Io } from "./io.js";

/** Shows how far one piece of work has come. */
export interface Progress {
  /** @param total 0 when it is not known */
  update(done: number, total: number, note?: string): void;
  /** Removes the bar, or leaves the last line. Harmless when called twice. */
  end(): void;
}

const redrawMilliseconds = 100;
const lineMilliseconds = 5000;

function bar(share: number, cells: number): string {
  const filled = Math.round(share * cells);
  return "█".repeat(filled) + "░".repeat(cells - filled);
}

/** `train  45.2 %  1.2 M of 2.6 M inputs  310 k/s  5.1 s left` */
export function progressLine(label: string, unit: string, done: number, total: number, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [label];
  if (total > 0)
    parts.push(`${((100 * done) / total).toFixed(1)} %`, `${formatCount(done)} of ${formatCount(total)} ${unit}`);
  else parts.push(`${formatCount(done)} ${unit}`);
  if (rate > 0) parts.push(`${formatCount(Math.round(rate))}/s`);
  if (rate > 0 && total > done) parts.push(`${formatSeconds((total - done) / rate)} left`);
  return parts.join("  ");
}

/** A bar that is redrawn on a terminal; elsewhere a plain line every few seconds, none for short work. */
export function startProgress(io: Io, label: string, unit: string): Progress {
  const terminal = io.stderr.isTTY === true;
  const started = io.now();
  let shown = terminal ? Number.NEGATIVE_INFINITY : started;
  let drawn = false;
  return {
    update(done, total, note = "") {
      const now = io.now();
      const last = total > 0 && done >= total;
      if (now - shown < (terminal ? redrawMilliseconds : lineMilliseconds) && !(terminal && last)) return;
      shown = now;
      const line = `${progressLine(label, unit, done, total, (now - started) / 1000)}${note === "" ? "" : `  ${note}`}`;
      if (!terminal) {
        io.stderr.write(`${line}\n`);
        return;
      }
      const columns = io.stderr.columns ?? 80;
      const withBar = total > 0 ? `${bar(Math.min(1, done / total), 20)}  ${line}` : line;
      io.stderr.write(`\r\x1b[K${withBar.slice(0, columns - 1)}`);
      drawn = true;
    },
    end() {
      if (drawn) io.stderr.write("\r\x1b[K");
      drawn = false;
    },
  };
}
