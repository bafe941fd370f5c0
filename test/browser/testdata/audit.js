// What is wrong with how a page looks or reads, as far as a script can tell: one line per finding.
(() => {
  const findings = [];
  const name = (e) => `${e.localName}${e.id ? "#" + e.id : ""} "${e.textContent.trim().slice(0, 30)}"`;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 0;

  // WCAG 2.2: relative luminance and contrast ratio.
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const opaque = (c) => c.length === 3 || c[3] === 1;
  const background = (e) => {
    for (; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor);
      if (opaque(c)) return c;
    }
    // The canvas, as the colour scheme of the page paints it.
    return getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
      matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const hasOwnText = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  for (const e of all("body *").filter((e) => hasOwnText(e) && shown(e))) {
    const ratio = contrast(colour(getComputedStyle(e).color), background(e));
    if (ratio < 4.5) findings.push(`text contrast ${ratio.toFixed(2)} at ${name(e)}`);
  }
  for (const e of all("input:not([type=hidden]), select").filter(shown)) {
    const ratio = contrast(colour(getComputedStyle(e).borderTopColor), background(e.parentElement));
    if (ratio < 3) findings.push(`border contrast ${ratio.toFixed(2)} at ${name(e)}`);
    if (!e.labels?.length) findings.push(`no label at ${name(e)}`);
    if (e.type !== "checkbox" && !e.autocomplete) findings.push(`no autocomplete at ${name(e)}`);
    if (parseFloat(getComputedStyle(e).fontSize) < 16) findings.push(`phones zoom into ${name(e)}`);
  }

  if (!document.documentElement.lang) findings.push("no language");
  if (document.title.length < 5) findings.push(`title "${document.title}"`);
  if (all("h1").length !== 1) findings.push(`${all("h1").length} h1`);
  if (all("main").length !== 1) findings.push(`${all("main").length} main`);
  const ids = all("[id]").map((e) => e.id);
  for (const id of new Set(ids.filter((id, n) => ids.indexOf(id) !== n))) findings.push(`id ${id} stands twice`);
  for (const e of all("[aria-describedby]"))
    if (!document.getElementById(e.getAttribute("aria-describedby"))) findings.push(`description of ${name(e)} is missing`);

  const width = document.documentElement.clientWidth;
  for (const e of all("body *").filter(shown)) {
    const box = e.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) findings.push(`${name(e)} sticks out of the window`);
  }
  // Links inside of a sentence may be as low as their line.
  for (const e of all("button, input:not([type=hidden]):not([type=checkbox]), select, a").filter(shown)) {
    const box = e.getBoundingClientRect();
    const inText = e.localName === "a" && getComputedStyle(e).display === "inline";
    if (!inText && box.height < 44) findings.push(`${name(e)} is ${box.height} px high, too low for a finger`);
  }
  return findings;
})()
