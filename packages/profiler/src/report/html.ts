import type { Profile } from "../profile-schema.js";
import { escapeXml } from "./chart.js";
import { profileFigures } from "./figures.js";
import { profileText } from "./text.js";

const colours = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b0568c", "#8a6d00", "#2d9bd8", "#5b4bb7", "#8c564b"],
  dark: ["#5fb2e6", "#ff9a55", "#3fcf9f", "#e79bc8", "#e0c341", "#8fd0ff", "#a99bf5", "#d1a297"],
};

const palette = (list: readonly string[]) => list.map((colour, i) => `--c${i}:${colour}`).join(";");

const style = `
:root{color-scheme:light dark;--ink:#1c2127;--soft:#5c6670;--paper:#ffffff;--grid:#e3e6ea;--faint:#b9c0c8;${palette(colours.light)}}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a6aeb8;--paper:#15181c;--grid:#2b3036;--faint:#555d66;${palette(colours.dark)}}}
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:820px;margin:2rem auto;padding:0 1rem}
svg{width:100%;height:auto;margin:1rem 0;font-family:system-ui,sans-serif}
pre{overflow-x:auto;font-size:12.5px;line-height:1.45}
.title{font-size:15px;font-weight:600;fill:var(--ink)}.label{font-size:12.5px;fill:var(--soft)}.tick{font-size:12px;fill:var(--soft)}
.grid{stroke:var(--grid)}.rule{stroke:var(--soft);stroke-dasharray:4 3}.line{fill:none;stroke-width:2;stroke-linejoin:round}.faint{stroke:var(--faint);stroke-width:1}
.dot{fill:var(--soft)}
${colours.light.map((_, i) => `.line.c${i}{stroke:var(--c${i})}.dot.c${i},.bar.c${i}{fill:var(--c${i})}`).join("\n")}
`;

/** A profile as one HTML page without outside references: figures in light and dark, and the tables of `profileText`. */
export const profileHtml = (profile: Profile): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hot rows of ${escapeXml(profile.data.source)}</title>
<style>${style}</style>
</head>
<body>
<h1>Hot rows of ${escapeXml(profile.data.source)}, split ${escapeXml(profile.data.split)}</h1>
${profileFigures(profile).join("\n")}
<pre>${escapeXml(profileText(profile))}</pre>
</body>
</html>
`;
