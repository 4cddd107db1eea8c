import { startCommand } from "@fae/host";

await startCommand(async () => {
  const [{ runProcess }, { main }] = await Promise.all([import("@fae/trainer"), import("./cli.js")]);
  const { stdout, stderr, env: environment } = process;
  return () => runProcess((args, signal) => main(args, { stdout, stderr, environment, signal }));
});
