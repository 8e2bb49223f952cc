least => {
  const wrong = [];
  const seen = e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
  const what = e => `<${e.tagName.toLowerCase()} ${e.className && e.className.baseVal === undefined ? e.className : ''}> `
    + (e.textContent || e.name || '').trim().slice(0, 40);
  const name = e => (e.getAttribute('aria-label') || e.title || e.textContent || '').trim()
    || [...e.querySelectorAll('img')].map(i => i.alt).join('');
  if (!document.documentElement.lang) wrong.push('no lang');
  if (!document.title.trim()) wrong.push('no title');
  if (document.querySelectorAll('h1').length !== 1) wrong.push(`${document.querySelectorAll('h1').length} h1`);
  let level = 0;
  for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
    const now = +h.tagName[1];
    if (now > level + 1) wrong.push(`${h.tagName} after H${level}: ${what(h)}`);
    level = now;
  }
  if (!document.querySelector('main')) wrong.push('no main');
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    const labelled = [...(e.labels || [])].some(l => l.textContent.trim()) || e.getAttribute('aria-label');
    if (!labelled) wrong.push(`no label: ${e.outerHTML.slice(0, 90)}`);
  }
  for (const e of document.querySelectorAll('img:not([alt])')) wrong.push(`no alt: ${e.src}`);
  for (const e of document.querySelectorAll('a[href], button')) if (seen(e) && !name(e)) wrong.push(`no name: ${e.outerHTML.slice(0, 90)}`);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids.filter((x, i) => ids.indexOf(x) !== i))) wrong.push(`id twice: ${id}`);
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) wrong.push(`${over} px too wide`);
  for (const e of document.querySelectorAll('button, a.button, input:not([type=hidden]), select, summary, nav a, footer a')) {
    if (!seen(e) || getComputedStyle(e).clipPath !== 'none' || +getComputedStyle(e).opacity === 0) continue;
    const of = (e.type === 'checkbox' || e.type === 'radio') && e.labels.length ? e.labels[0] : e;
    const tall = of.getBoundingClientRect().height;
    if (innerWidth < 700 && tall < least - 0.5) wrong.push(`${Math.round(tall)} px tall: ${what(e)}`);
  }
  const colour = text => { const m = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/); return m && [+m[1], +m[2], +m[3], m[4] === undefined ? 1 : +m[4]]; };
  const light = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const under = e => {
    for (let at = e; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== 'none') return null;
      const c = colour(style.backgroundColor);
      if (!c) return null;
      if (c[3] === 1) return c;
      if (c[3] > 0) return null;
    }
    return [255, 255, 255, 1];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !seen(e) || e.closest('[aria-hidden=true], script, style, option, :disabled')) continue;
    const style = getComputedStyle(e), front = colour(style.color), back = under(e);
    if (!front || !back || front[3] < 1) continue;
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    const ratio = (a + .05) / (b + .05);
    if (ratio < (large ? 3 : 4.5) && !told.has(e.className + e.tagName)) {
      told.add(e.className + e.tagName);
      wrong.push(`contrast ${ratio.toFixed(2)}: ${what(e)}`);
    }
  }
  return wrong;
}
