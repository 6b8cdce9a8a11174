import { DataError, type Model } from 'nabla'
import { escapeXml } from 'nabla/plot'
import { toScript } from 'nabla/script'
import { count } from './format.ts'
import { area, bounds, centred, lightOnDark } from './ink.ts'
import { bars, form, pad } from './pad.ts'

/** Numbers that a form asks for at most, and answers that are shown at most. */
const most = { fields: 32, bars: 100 }
const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1)

/**
 * A model as one page that needs nothing else: a pad that reads digits, or a form of a few numbers.
 *
 * @throws DataError for a model whose samples are something else
 */
export function modelPage(model: Model): string {
  const { inputShape, outputShape, network, name, parameterCount } = model
  const [inputs, answers] = [sizeOf(inputShape), sizeOf(outputShape)]
  const drawn = /^28,28(,1)?$|^784$/.test(inputShape.join())
  const single = network.inputs.length === 1 && network.outputs.length === 1
  if (!single || (!drawn && inputs > most.fields) || answers > most.bars)
    throw new DataError(
      'no-page',
      `a page cannot show a model of ${shapes(network.inputs)} to ${shapes(network.outputs)}`,
      {
        evidence: [
          ['pictures', '[28, 28, 1] in, a drawing pad'],
          ['numbers', `up to ${most.fields} in, a form`],
          ['answers', `up to ${most.bars} out`],
        ],
        hint: 'nabla export --to js makes a module for a page of your own',
      },
    )
  const labels = Array.from({ length: answers }, (_, i) => (drawn || answers > 1 ? String(i) : 'y'))
  const show = `bars(${JSON.stringify(labels)})`
  const parts = drawn ? [lightOnDark, centred, bounds, area, bars, pad] : [bars, form]
  const start = drawn ? `pad(predict, ${show}, { lightOnDark, centred })` : `form(predict, ${show})`
  return page({
    title: escapeXml(name),
    about: `${count(parameterCount)} parameters, computed on this device`,
    ask: drawn ? (answers === 10 ? 'Draw a digit' : 'Draw') : 'Give numbers',
    body: drawn ? drawing : fields(inputs),
    script: `${toScript(model).code}\n{\n${parts.join('\n')}\n${start}\n}`,
  })
}

const shapes = (ports: readonly { shape: readonly number[] }[]) =>
  ports.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ')

const drawing = `<div class="paper">
<canvas id="pad" width="364" height="364" role="img" aria-label="drawing pad"></canvas>
<p class="invite" aria-hidden="true">draw here</p>
</div>
<p class="tools"><button id="undo" type="button">Undo</button><button id="clear" type="button">Clear</button>
<span class="sees">the network sees <canvas id="seen" width="28" height="28" role="img" aria-label="what the network sees"></canvas></span></p>`

const fields = (inputs: number) =>
  `<form id="form" autocomplete="off">${Array.from(
    { length: inputs },
    (_, i) => `<label>x<sub>${i}</sub> <input type="number" step="any" value="0" required></label>`,
  ).join('\n')}</form>`

interface Parts {
  title: string
  about: string
  ask: string
  body: string
  script: string
}

const page = ({ title, about, ask, body, script }: Parts) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; img-src data:">
<link rel="icon" href="data:,">
<title>${title} · ∇</title>
<style>${style}</style>
</head>
<body class="empty">
<header>
<p>∇ ${title}</p>
<h1>${ask}</h1>
</header>
<main>
<section>
${body}
</section>
<section>
<p id="answer" aria-live="polite"></p>
<ol id="bars"></ol>
</section>
</main>
<footer><span>${about}</span> <span id="time"></span></footer>
<noscript><p>This page computes in the browser and needs JavaScript.</p></noscript>
<script type="module">
${script}
</script>
</body>
</html>
`

const style = `
:root{color-scheme:light dark;--ground:#f6f5f1;--card:#fff;--line:#dcd9d0;--quiet:#6f6b62;--ink:#1d1c1a;--mark:#2f5fd0;--faint:#e9e7e0}
@media (prefers-color-scheme:dark){:root{--ground:#16171a;--card:#1f2125;--line:#34373d;--quiet:#9a9ca3;--ink:#efeeea;--mark:#7ea2ff;--faint:#2b2e34}}
*{box-sizing:border-box;margin:0}
body{min-height:100vh;min-height:100dvh;display:grid;grid-template-rows:auto 1fr auto;gap:1.5rem;max-width:52rem;margin:auto;padding:clamp(1rem,4vw,2.5rem);background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
html{background:var(--ground)}
header p,footer{color:var(--quiet);font-size:.875rem}
h1{font-size:clamp(1.5rem,5vw,2.25rem);line-height:1.2;font-weight:650;letter-spacing:-.02em}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:clamp(1.25rem,4vw,2.5rem);align-content:start}
.paper{position:relative;max-width:26rem}
#pad{display:block;width:100%;aspect-ratio:1;background:var(--card);color:var(--ink);border:1px solid var(--line);border-radius:14px;touch-action:none;cursor:crosshair}
.invite{position:absolute;inset:0;display:grid;place-items:center;color:var(--quiet);pointer-events:none;opacity:0;transition:opacity .15s}
.empty .invite{opacity:.7}
.tools{display:flex;align-items:center;gap:.5rem;margin-top:.75rem;max-width:26rem}
button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:9px;padding:.35rem .9rem;min-height:2.5rem;cursor:pointer}
button:hover{border-color:var(--mark)}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
.sees{display:flex;align-items:center;gap:.5rem;margin-left:auto;color:var(--quiet);font-size:.8125rem;text-align:right;line-height:1.25}
#seen{width:56px;height:56px;flex:none;image-rendering:pixelated;background:var(--card);border:1px solid var(--line);border-radius:6px}
#answer{font-size:5rem;line-height:1;font-weight:700;color:var(--mark);min-height:1em;font-variant-numeric:tabular-nums}
#answer:empty::before{content:"?";color:var(--line)}
#bars{list-style:none;padding:0;margin-top:1rem;display:grid;gap:.3rem}
#bars li{display:grid;grid-template-columns:1.75rem 1fr 4rem;align-items:center;gap:.5rem;color:var(--quiet);font-variant-numeric:tabular-nums}
#bars b{font-weight:500;text-align:right}
#bars i{display:block;height:.7rem;border-radius:99px;background:var(--faint);overflow:hidden}
#bars s{display:block;height:100%;width:0;border-radius:99px;background:var(--quiet);transition:width .12s}
#bars output{text-align:right;font-size:.8125rem}
#bars .best{color:var(--ink)}
#bars .best b{font-weight:700}
#bars .best s{background:var(--mark)}
#form{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem}
#form label{color:var(--quiet);font-size:.875rem}
#form input{display:block;width:100%;font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:9px;padding:.45rem .6rem}
@media (max-width:40rem){body{gap:1rem}.paper,.tools{max-width:min(26rem,42dvh);margin-inline:auto}#answer{font-size:3.25rem;text-align:center}#bars{margin-top:.5rem;gap:.1rem;line-height:1.3}}
footer{display:flex;gap:1rem;justify-content:space-between;flex-wrap:wrap}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
`
