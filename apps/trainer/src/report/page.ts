import { figureHtml } from "./figure.js";
import { figuresOf } from "./figures/index.js";
import { factsHtml, headHtml, qualityHtml, type Standing, shareText } from "./head.js";
import { type Html, html } from "./html.js";
import type { RunView } from "./run-view.js";
import { style, styleSource } from "./style.js";

/** Everything in the page that depends on the run. */
export const viewHtml = (view: RunView, standing: Standing, notes: readonly string[] = []): string =>
  html`${headHtml(view, standing)}
${notes.map((note) => html`<p class="notice">${note}</p>`)}
${qualityHtml(standing)}
${figuresOf(view).map(figureHtml)}
${factsHtml(view)}`.html;

/** Title of the window: what is trained, and how far it is. */
export const viewTitle = (view: RunView, standing: Standing): string =>
  [standing.kind === "running" ? shareText(view) : standing.kind, view.start?.model, view.start?.strategy, "FAE"]
    .filter(Boolean)
    .join(" · ");

export interface Page {
  readonly title: string;
  /** From `viewHtml`. */
  readonly body: string;
  /** A page in a browser is given its policy by the server, a file brings its own. */
  readonly policy: string | null;
  /** Address of a script; null: none. */
  readonly script: string | null;
}

/** A whole document: no reference to anywhere, except to the script. */
export const pageHtml = ({ title, body, policy, script }: Page): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
${policy !== null && html`<meta http-equiv="Content-Security-Policy" content="${policy}">`}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">
<title>${title}</title><style>${raw(style)}</style></head>
<body><main>${raw(body)}</main>${script !== null && html`<p id="said" class="hidden" role="status"></p><script src="${script}" type="module"></script>`}</body></html>
`.html;

const raw = (text: string): Html => ({ html: text });

/** Nothing may be loaded, sent or run, but this style. */
export const basePolicy = `default-src 'none'; style-src ${styleSource}; img-src data:; base-uri 'none'; form-action 'none'`;
