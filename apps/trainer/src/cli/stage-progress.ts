import type { CommandContext } from "./command.js";
import type { Progress } from "./progress.js";

/** A bar per stage of work that is measured in bytes. */
export interface StageProgress {
  show(
    progress: { readonly stage: string; readonly bytesDone: number; readonly bytesTotal: number },
    note?: string,
  ): void;
  end(): void;
}

export function stageProgress(context: CommandContext): StageProgress {
  let stage = "";
  let bar: Progress | null = null;
  return {
    show(progress, note = "") {
      if (progress.stage !== stage) {
        bar?.end();
        stage = progress.stage;
        bar = context.progress(stage, "bytes");
      }
      bar?.update(progress.bytesDone, progress.bytesTotal, note);
    },
    end: () => bar?.end(),
  };
}
