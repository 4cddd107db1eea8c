/** Style of the report page. */
export const style = `
:root { color-scheme: light; --line: #d8d8d8; --soft: #f5f6f8; --ink: #1c1e21; --mute: #5d6470; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 900px; padding: 24px 16px 64px; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; overflow-wrap: break-word; }
h1 { font-size: 28px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 8px; padding: 10px 12px; background: var(--ink); color: #fff; border-radius: 4px; }
h3 { font-size: 22px; margin: 48px 0 8px; border-top: 2px solid var(--ink); padding-top: 12px; }
h4 { font-size: 17px; margin: 28px 0 4px; }
p { margin: 6px 0; } .mute { color: var(--mute); font-size: 14px; }
.paper { background: var(--soft); border-left: 4px solid #e69f00; padding: 8px 12px; margin: 12px 0; }
nav { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 16px 0; } nav a { color: #0058a3; }
figure { margin: 8px 0 4px; } figure svg { width: 100%; height: auto; display: block; } .narrow { display: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; margin: 8px 0; min-width: 50%; font-variant-numeric: tabular-nums; }
th, td { white-space: nowrap; vertical-align: bottom; padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
th, th:first-child { background: var(--soft); white-space: normal; }
.headlines { width: 100%; }
.headlines th, .headlines td, .headlines td:first-child { white-space: normal; vertical-align: top; padding: 5px 10px; font-size: 15px; }
.headlines .group th { text-align: left; } .headlines .group a { color: inherit; } .headlines .mute { font-size: inherit; }
.headlines .more td { border-bottom: 0; padding-bottom: 0; }
.headlines .detail td { padding-top: 0; color: var(--mute); font-size: 13px; } .range { white-space: nowrap; color: var(--mute); font-size: 13px; }
ul { padding-left: 20px; font-size: 15px; } li { margin: 2px 0; }
code { font-size: 13px; overflow-wrap: anywhere; }
.ok { color: #00664a; } .bad { color: #b3261e; font-weight: 700; }
details { margin: 4px 0 12px; } summary { cursor: pointer; color: var(--mute); font-size: 14px; }
@media (max-width: 560px) {
  .wide { display: none; } .narrow { display: block; }
  body { padding: 16px 12px; } h1 { font-size: 24px; } h3 { font-size: 20px; }
  th, td { padding: 4px 7px; font-size: 13px; } th:first-child, td:first-child { white-space: normal; min-width: 96px; }
}
@media print {
  body { max-width: none; font-size: 10.5pt; padding: 0; }
  h2 { background: none; color: inherit; padding: 0; } h3, h4 { break-after: avoid; }
  figure, tr, .headlines tbody { break-inside: avoid; } nav { display: none; }
  .headlines th, .headlines td, .headlines td:first-child { font-size: 10pt; padding: 3px 5px; }
  .headlines .detail td, .range { font-size: 8.5pt; }
  .scroll { overflow: visible; } th, td { white-space: normal; padding: 2px 5px; font-size: 9pt; }
}
`;
