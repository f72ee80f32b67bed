#pragma once

namespace execasio_tool::bench {

/// The page's style: light or dark as the reader's system has it. Six colours for series, which
/// differ in lightness too, so that they can be told apart without seeing colours.
inline constexpr char html_style[] = R"(
:root { color-scheme: light dark;
  --page: #f5f6f8; --card: #fff; --ink: #1b1f26; --soft: #5d6673; --line: #dfe3e8; --grid: #eceff2;
  --good: #17784a; --bad: #b3261e; --note: #8a5a00; --note-bg: #fff6e0;
  --c0: #2563c9; --c1: #d9631e; --c2: #1f8f63; --c3: #8b3fb5; --c4: #bf3158; --c5: #7a6a12; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1d2126; --ink: #e7eaee; --soft: #9aa4b1; --line: #343a42; --grid: #2a2f36;
  --good: #5cc896; --bad: #ff8a80; --note: #f1c067; --note-bg: #2c2619;
  --c0: #7fb0ff; --c1: #ffa163; --c2: #63d3a2; --c3: #d19bf0; --c4: #ff8fae; --c5: #d8c65c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 0 0 10px; }
h3 { font-size: 15px; margin: 0 0 2px; overflow-wrap: anywhere; }
code, h3 { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13.5px; }
.soft { color: var(--soft); } p { margin: 6px 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px; margin-top: 18px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; } .scroll > svg { min-width: 760px; }
th { text-align: right; font-weight: 600; color: var(--soft); font-size: 13px; white-space: nowrap; }
td { text-align: right; white-space: nowrap; } th, td { padding: 6px 8px; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 180px; }
tr:last-child td { border-bottom: 0; } td.bad { color: var(--bad); font-weight: 600; }
td .key { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; background: var(--s); }
ul.notes { list-style: none; margin: 10px 0 0; padding: 0; }
ul.notes li { background: var(--note-bg); border-left: 3px solid var(--note); padding: 5px 12px;
  margin-top: 6px; border-radius: 0 6px 6px 0; }
.failure { border-left: 4px solid var(--bad); }
.verdict { font-size: 17px; font-weight: 600; } .verdict.faster { color: var(--good); } .verdict.slower { color: var(--bad); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; margin-top: 8px; }
svg { display: block; width: 100%; height: auto; font-size: 12.5px; }
svg text { fill: var(--ink); } svg .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { fill: var(--soft); font-size: 13px; } svg .label { font-size: 13px; } svg .strong { font-weight: 600; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--soft); }
.s0 { --s: var(--c0); } .s1 { --s: var(--c1); } .s2 { --s: var(--c2); }
.s3 { --s: var(--c3); } .s4 { --s: var(--c4); } .s5 { --s: var(--c5); }
svg .dot { fill: var(--s); fill-opacity: .38; } svg .few .dot { fill-opacity: .8; }
svg .dot.far { fill: var(--card); fill-opacity: 1; stroke: var(--s); } svg .dot.failed { fill: var(--bad); fill-opacity: 1; }
svg .dot:hover, svg .bar:hover { fill: var(--ink); fill-opacity: 1; }
svg .box { fill: var(--s); fill-opacity: .25; stroke: var(--ink); stroke-width: 1.3; }
svg .median { stroke: var(--ink); stroke-width: 2.2; } svg .bar { fill: var(--s); fill-opacity: .65; }
svg .one { stroke: var(--ink); stroke-dasharray: 5 4; } svg .band { fill: var(--s); fill-opacity: .22; }
svg .curve { fill: none; stroke: var(--s); stroke-width: 2; } svg .point { fill: var(--s); stroke: var(--card); stroke-width: 1.5; }
svg .whisker { stroke: var(--s); stroke-width: 5; stroke-opacity: .35; }
)";

} // namespace execasio_tool::bench
