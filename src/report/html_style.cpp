#include "report/html_parts.h"

namespace fetafix::report {

const char* const html_style = R"css(
:root{color-scheme:light dark;--paper:#fdfcfa;--ink:#23262b;--soft:#666c75;--line:#e3e0da;--card:#f6f4ef;
--ok:#2f7d4f;--warn:#a86a00;--bad:#b3362c;--exact:#8d97a5;--rewrite:#5b7fb5;--opaque:#c2bdb3}
@media(prefers-color-scheme:dark){:root{--paper:#16181b;--ink:#e4e2dd;--soft:#9a9fa8;--line:#2f3338;--card:#1e2125;
--ok:#6cc08b;--warn:#e0a94a;--bad:#f0786c;--exact:#6b7482;--rewrite:#7ea2d8;--opaque:#4a4d52}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:54rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.6rem;line-height:1.3;font-weight:600;margin:.4rem 0 .8rem;text-wrap:pretty}
h2{font-size:1.1rem;font-weight:600;margin:2.8rem 0 .8rem}
h3{font-size:1rem;font-weight:600;margin:0}
p{margin:.5rem 0}
.verdict{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;font-weight:600;color:var(--tone);margin:0}
.ok{--tone:var(--ok)}.warn{--tone:var(--warn)}.bad{--tone:var(--bad)}
header{border-left:3px solid var(--tone);padding-left:1.1rem}
.now{font-size:1.05rem;color:var(--soft);margin:0}
h1,.now,dd,td,li,p,h3{overflow-wrap:anywhere}
.soft{color:var(--soft)}
.small{font-size:.875rem}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.875rem}
th:first-child,td:first-child{text-align:left;padding-left:0}
th:last-child,td:last-child{padding-right:0}
.figures td:not(:first-child){white-space:nowrap}
.samples{min-width:34rem}
.samples th,.samples td{text-align:left}
.models{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1rem 2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.4rem 0 0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
article{background:var(--card);border-radius:8px;padding:1rem 1.2rem;margin:0 0 .8rem}
article .head{display:flex;gap:.8rem;justify-content:space-between;align-items:baseline;flex-wrap:wrap}
.mark{font-size:.8rem;font-weight:600;color:var(--tone);white-space:nowrap}
.bar{display:flex;height:14px;border-radius:7px;overflow:hidden;gap:1px;background:var(--line)}
.bar i{display:block;min-width:3px}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.6rem 0 0;padding:0;list-style:none;font-size:.875rem}
.legend i{display:inline-block;width:.65rem;height:.65rem;border-radius:50%;margin-right:.45rem}
.exact{background:var(--exact);fill:var(--exact)}.faulty{background:var(--bad);fill:var(--bad)}
.rewrite{background:var(--rewrite);fill:var(--rewrite)}.opaque{background:var(--opaque);fill:var(--opaque)}
.unaligned{background:var(--warn);fill:var(--warn)}
figure{margin:0}figcaption{font-size:.875rem;color:var(--soft);margin-top:.4rem}
svg{display:block;width:100%;min-width:36rem;height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg .strong{fill:var(--bad);font-weight:600}
svg .grid{stroke:var(--line);stroke-width:1}svg .stem{stroke:var(--bad);stroke-width:1.5;opacity:.55}
svg .after{fill:var(--paper);stroke:var(--ok);stroke-width:2}
ol.top{list-style:none;margin:0;padding:0;font-size:.875rem;line-height:1.45}
ol.top li{display:flex;gap:.6rem;justify-content:space-between}
ol.top span:last-child{color:var(--soft);font-variant-numeric:tabular-nums}
ol.top .other{color:var(--bad);font-weight:600}
td img{display:block;max-width:6rem;border-radius:4px;margin-bottom:.3rem}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
@media(max-width:40rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.3rem}th,td{padding:.35rem .35rem}
svg{min-width:32rem}.samples{min-width:0}.samples thead{display:none}.samples tr{display:block;padding:.6rem 0;
border-bottom:1px solid var(--line)}.samples td{display:block;border:0;padding:.25rem 0}
.samples td[title]::before{content:attr(title);color:var(--soft);font-size:.8rem}}
@media print{main{max-width:none;padding:0}article{break-inside:avoid}.scroll{overflow:visible}}
)css";

}  // namespace fetafix::report
