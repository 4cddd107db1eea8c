import type { RouteName } from "../plan.js";
import type { Regime } from "../residency.js";
import { deviceRoute } from "./device.js";
import { hostRoute } from "./host.js";
import { hotRoute } from "./hot.js";
import { hybridRoute } from "./hybrid.js";
import { mixedRoute } from "./mixed.js";
import type { Route } from "./runtime.js";
import { serverRoute } from "./server.js";

export const routes: { readonly [R in RouteName]: Route } = {
  host: hostRoute,
  hybrid: hybridRoute,
  server: serverRoute,
  hot: hotRoute,
  mixed: mixedRoute,
  device: deviceRoute,
};

/** The route that evaluates any input under a plan. */
export const evaluationRoute: { readonly [R in Regime]: RouteName } = {
  host: "host",
  server: "server",
  doubled: "hybrid",
  split: "mixed",
  device: "device",
};
