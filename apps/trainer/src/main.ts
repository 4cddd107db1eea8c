import { startCommand } from "@fae/host";

await startCommand(async () => {
  const [{ runProcess }, { main }] = await Promise.all([import("./cli/run-process.js"), import("./cli.js")]);
  const { stdout, stderr } = process;
  return () => runProcess((args, signal) => main(args, { stdout, stderr, now: () => performance.now(), signal }));
});
