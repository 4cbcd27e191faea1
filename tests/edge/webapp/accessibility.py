"""What a page must have for people with a keyboard, a screen reader, or tired eyes.

A small part of WCAG 2.2, AA, that can be checked by a program: 1.3.1, 1.4.3, 1.4.10, 2.4.1, 2.4.2,
2.4.6, 2.4.7, 3.1.1, 3.3.1, 4.1.2.
"""

from itertools import pairwise

from tests.edge.webapp.browser import Page

_CHECK = r"""(() => {
  const problems = [];
  const need = (true_, text) => { if (!true_) problems.push(text); };
  const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility === 'visible';
  const name = e => (e.getAttribute('aria-label') || (e.labels && [...e.labels].map(l =>
    l.textContent).join(' ')) || e.textContent || '').trim();
  need(document.documentElement.lang === 'en', 'no language');
  need(document.title.length > 5, 'no title');
  need(document.querySelectorAll('h1').length === 1, 'not one h1');
  need(document.querySelectorAll('main').length === 1, 'not one main');
  need(document.querySelectorAll('header').length === 1, 'not one header');
  need(document.scripts.length === 0, 'a script');
  const first = document.querySelector('a, button, input, select, textarea');
  need(first && first.matches('a.skip[href="#main"]'), 'the skip link is not the first');
  for (const nav of document.querySelectorAll('nav'))
    need(nav.getAttribute('aria-label'), 'a nav without a name');
  for (const e of document.querySelectorAll('input, select, textarea')) {
    if (e.type === 'hidden') continue;
    need(name(e), 'no label: ' + e.name);
    for (const id of (e.getAttribute('aria-describedby') || '').split(' ').filter(Boolean))
      need(document.getElementById(id), 'described by nothing: ' + id);
    if (e.closest('.wrong')) need(e.getAttribute('aria-invalid') === 'true' || e.type === 'radio',
      'not told as invalid: ' + e.name);
  }
  for (const e of document.querySelectorAll('a, button, meter'))
    need(name(e) || e.querySelector('img[alt]'), 'no name: ' + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]'))
    for (const a of ['aria-labelledby', 'aria-describedby'])
      for (const id of (e.getAttribute(a) || '').split(' ').filter(Boolean))
        need(document.getElementById(id), a + ' of nothing: ' + id);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  const twice = ids.filter((id, n) => ids.indexOf(id) !== n);
  need(!twice.length, 'an id twice: ' + twice);
  const levels = [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1]);
  for (const table of document.querySelectorAll('table')) {
    need(table.querySelectorAll('thead th[scope=col]').length > 1, 'a table without heads');
  }
  const rgb = text => { const n = text.match(/[\d.]+/g).map(Number);
    return n.length > 3 ? n : [...n, 1]; };
  const light = c => { const [r, g, b] = c.map(v => v / 255).map(v =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (let p = e; p; p = p.parentElement) {
    const c = rgb(getComputedStyle(p).backgroundColor); if (c[3] === 1) return c; }
    return [255, 255, 255, 1]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(e) || e.closest('meter')) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const a = light(rgb(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    need(ratio >= (large ? 3 : 4.5), 'contrast ' + ratio.toFixed(1) + ': ' +
      walker.currentNode.data.trim().slice(0, 40));
  }
  return {problems, levels};
})()"""

_FOCUS = """(() => { const e = document.activeElement, s = getComputedStyle(e);
  return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()"""


def check(page: Page) -> None:
    """Fails with everything that is wrong with the page as it is shown."""
    found = page.run(_CHECK)
    levels = found["levels"]
    problems = list(found["problems"])
    for before, after in pairwise(levels):
        if after > before + 1:
            problems.append(f"a heading of level {after} after one of {before}")
    page.size(320)
    if page.run("document.documentElement.scrollWidth > 320"):
        problems.append("it must be scrolled sideways at 320 pixels")
    page.size(1200)
    assert not problems, f"{page.title}: {problems}"


def check_keyboard(page: Page) -> list[str]:
    """Goes once round with the tab key: everything is reached, in order, and seen. The names."""
    page.run("document.activeElement.blur(); window.scrollTo(0, 0); getSelection().empty()")
    wanted = page.run(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, "
        "textarea')].filter(e => e.type !== 'radio' || e.checked).length"
    )
    names = []
    page.run("document.body.focus(); document.body.tabIndex = -1; document.body.focus()")
    for _ in range(wanted):
        page.key("Tab")
        names.append(page.focused())
        assert page.run(_FOCUS), f"nobody sees the focus on {names[-1]}"
    order = page.run(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, "
        "textarea')].filter(e => e.type !== 'radio' || e.checked).indexOf(document.activeElement)"
    )
    assert order == wanted - 1, f"the tab key does not come to everything in order: {names}"
    return names
