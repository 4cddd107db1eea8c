import { createHash } from "node:crypto";

/** Hot is warm, cold is cool. Stages and kinds of bytes have the colours of the measured results (Okabe and Ito's). */
const colours: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  hot: ["#e8622c", "#f0743f"],
  device: ["#c9404b", "#f0717b"],
  mixed: ["#8c5fb8", "#b48be0"],
  hybrid: ["#3b83c4", "#4c96d7"],
  server: ["#4a9aa8", "#67bccb"],
  host: ["#6f8fb0", "#8fb0d3"],
  fetched: ["#3b83c4", "#4c96d7"],
  forwarded: ["#8c5fb8", "#b48be0"],
  rate: ["#1b2027", "#f2f4f7"],
  halo: ["#ffffff", "#171a1f"],
  loss: ["#0072b2", "#5ab0e8"],
  band: ["#c3dcec", "#274357"],
  test: ["#d55e00", "#ff9250"],
  auc: ["#009e73", "#38c99c"],
  best: ["#d55e00", "#ff9250"],
  wall: ["#1b2027", "#f2f4f7"],
  rss: ["#0072b2", "#5ab0e8"],
  deviceBytes: ["#d55e00", "#ff9250"],
  read: ["#999933", "#b8b84a"],
  gather: ["#e69f00", "#efb02c"],
  copy: ["#d55e00", "#ee7a28"],
  forward: ["#56b4e9", "#6cc0ef"],
  backward: ["#0072b2", "#2f8fd0"],
  update: ["#009e73", "#2bb98f"],
  switch: ["#cc79a7", "#dd93bb"],
  wait: ["#bdbdbd", "#7d848c"],
  inputs: ["#56b4e9", "#6cc0ef"],
  rows: ["#e69f00", "#efb02c"],
  rowState: ["#009e73", "#2bb98f"],
  parameters: ["#0072b2", "#2f8fd0"],
};

const variables = (which: 0 | 1): string =>
  Object.entries(colours)
    .map(([key, pair]) => `--${key}:${pair[which]}`)
    .join(";");

const light = `--ink:#1b2027;--soft:#59626d;--page:#f3f5f7;--paper:#fff;--line:#dde2e7;--grid:#e6eaee;--accent:#0067b8;--good:#00724f;--bad:#b3261e;${variables(0)}`;
const dark = `--ink:#eceff3;--soft:#a3adb8;--page:#0f1114;--paper:#171a1f;--line:#2b3138;--grid:#272c33;--accent:#63b3ff;--good:#4fd3a6;--bad:#ff8a80;${variables(1)}`;

/** Style of the page, live and as a file. */
export const style = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif;overflow-wrap:break-word}
main{max-width:1240px;margin:0 auto;padding:20px 20px 48px;display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px}
header,.wide,.notice{grid-column:1/-1;min-width:0}
h1{font-size:26px;line-height:1.2;margin:2px 0 0}h1 .soft{font-weight:400}
h2{font-size:16px;margin:0}p{margin:4px 0}small{display:block}
.soft,.note,.unit,small{color:var(--soft)}.note{font-size:13px;margin:8px 0 0}.bad{color:var(--bad);font-weight:600}
.top{display:flex;justify-content:space-between;align-items:flex-start;gap:12px}.top h1{min-width:0}
.standing{flex:none;margin:3px 0 0;padding:3px 12px;border:1px solid currentcolor;border-radius:99px;font-size:14px;font-weight:600;color:var(--soft)}
.is-running{color:var(--accent)}.is-finished{color:var(--good)}.is-failed{color:var(--bad)}
progress{display:block;width:100%;height:8px;margin:12px 0 0;appearance:none;border:0;border-radius:4px;overflow:hidden;background:var(--line)}
progress::-webkit-progress-bar{background:var(--line)}progress::-webkit-progress-value{background:var(--accent)}progress::-moz-progress-bar{background:var(--accent)}
.tiles{display:grid;grid-template-columns:repeat(6,minmax(0,1fr)) minmax(0,1.5fr);gap:1px;margin:14px 0 0;background:var(--line);border:1px solid var(--line);border-radius:8px;overflow:hidden}
.tiles div{background:var(--paper);padding:9px 13px 10px;min-width:0}
dt{font-size:13px;color:var(--soft)}dd{margin:0;font-size:21px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
small{font-size:12.5px;font-weight:400;line-height:1.35}
.panel{margin:0;padding:13px 16px 12px;background:var(--paper);border:1px solid var(--line);border-radius:8px;min-width:0}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 12px}.unit{font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:5px 0 4px;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.legend b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
.mark{display:inline-block;width:12px;height:12px;margin-right:6px;border-radius:2px;background:var(--c);vertical-align:-1px}
.mark.line{width:16px;height:3px;border-radius:2px;vertical-align:4px}.mark.dot{width:9px;height:9px;border-radius:50%;vertical-align:0}
.chart{display:grid;grid-template-columns:46px minmax(0,1fr);margin-right:10px}
.chart svg{display:block;overflow:visible;font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
svg.y{width:40px;text-anchor:end}.h200 svg.y{height:216px}.h120 svg.y{height:136px}
svg.plot{width:100%;margin:8px 0;overflow:visible}.h200 svg.plot{height:200px}.h120 svg.plot{height:120px}
svg.x{grid-column:2;width:100%;height:36px;margin-top:-6px;text-anchor:middle}.end{text-anchor:end}
.plot path{vector-effect:non-scaling-stroke;fill:none;stroke-linejoin:round}
.grid{stroke:var(--grid);stroke-width:1}.rule{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 4}
.plot .area{fill:var(--c);stroke:none}.line,.levels{stroke:var(--c);stroke-width:2}.levels{stroke-width:1.75}
.plot .k-halo{stroke-width:5}.dots{stroke:var(--c);stroke-width:7;stroke-linecap:round}.dots.k-best{stroke-width:11}
${Object.keys(colours)
  .map((key) => `.k-${key}{--c:var(--${key})}`)
  .join("")}
details{margin-top:8px;font-size:13px}summary{cursor:pointer;color:var(--soft);width:fit-content}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:6px 0 2px;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--line);text-align:right;font-weight:400;white-space:nowrap}
thead th{color:var(--soft)}th:first-child{text-align:left}tbody th{padding-right:20px}
.facts th{color:var(--soft);vertical-align:top}.facts tr:last-child>*{border:0}.facts td{text-align:left;white-space:normal}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.notice{padding:9px 14px;background:var(--paper);border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:6px}
@media (max-width:1080px){.tiles{grid-template-columns:repeat(3,minmax(0,1fr))}.tiles div:last-child{grid-column:1/-1}.tiles div:last-child small{display:inline;margin-left:10px}}
@media (max-width:820px){main{grid-template-columns:minmax(0,1fr);padding:14px 12px 32px;gap:12px}}
@media (max-width:560px){h1{font-size:22px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.tiles div:last-child small{display:block;margin:0}
dd{font-size:19px}.facts th{white-space:normal}.panel{padding:12px 12px 10px}.chart{grid-template-columns:40px minmax(0,1fr);margin-right:6px}svg.y{width:34px}.chart svg{font-size:11px}}
@media print{:root{${light};--page:#fff}body{font-size:10.5pt}main{max-width:none;padding:0;display:block}.panel,header{break-inside:avoid;margin-bottom:10pt}.panel{border-color:var(--line)}summary,.notice{display:none}*{print-color-adjust:exact}}
`;

/** The source expression of this style in a Content-Security-Policy. */
export const styleSource = `'sha256-${createHash("sha256").update(style).digest("base64")}'`;
