"use strict";
(() => {
  const HEADS = ["suite", "what", "model", "prompts", "arm", "attack", "scenario"];
  const [VALUE, LOW, HIGH, WORST_LOW, WORST_HIGH, DEALS, N, MISSING, CLUSTERS] = [7, 8, 9, 10, 11, 12, 13, 14, 15];
  const COLUMNS = [...HEADS.map((name, at) => ({ name, at })), { name: "rate", at: VALUE }, { name: "interval", at: HIGH },
    { name: "n", at: N }, { name: "missing", at: MISSING }, { name: "agreements", at: DEALS }];
  const FIRST = 40;
  const byId = (id) => document.getElementById(id);
  let data, sort = { at: null, down: false }, all = false, chosen = null;

  const make = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const draw = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const label = (at, value) => at === 0 && data.void.includes(value) ? value + " (no result)" : at === 1 ? (data.labels[value] || value) : value === "" ? "none" : value;
  const percent = (value) => value === null ? "-" : (100 * value).toFixed(1) + " %";

  const picture = (rate) => {
    const svg = draw("svg", { viewBox: "0 0 200 20", preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(draw("path", { class: "grid", d: "M0 0V20M100 0V20M200 0V20" }));
    if (rate[N] && rate[MISSING] && rate[WORST_LOW] !== null) svg.append(draw("path", { class: "thin", d: `M${200 * rate[WORST_LOW]} 10H${200 * rate[WORST_HIGH]}` }));
    if (!rate[N] || rate[VALUE] === null) return svg;
    const group = draw("g", { class: "rate" });
    group.append(draw("path", { class: "bar", d: `M${200 * rate[LOW]} 10H${200 * rate[HIGH]}` }));
    group.append(draw("ellipse", { class: "dot", cx: 200 * rate[VALUE], cy: 10, rx: 4.5, ry: 5.5 }));
    svg.append(group);
    return svg;
  };

  const line = (rate) => {
    const row = make("tr");
    HEADS.forEach((name, at) => {
      if (fixed(name)) return;
      row.append(make(name === "model" ? "th" : "td", label(at, rate[at]), name === "model" ? { "data-head": name, scope: "row" } : { "data-head": name }));
    });
    const shown = make("td", undefined, { "data-head": "rate" }), inner = make("div", undefined, { class: "interval" });
    inner.append(picture(rate), make("span", rate[VALUE] === null ? "unknown" : percent(rate[VALUE])));
    shown.append(inner);
    const few = rate[CLUSTERS] !== null && rate[CLUSTERS] < 10 && rate[VALUE] !== null ? " *" : "";
    row.append(shown, make("td", rate[VALUE] === null ? "-" : `${percent(rate[LOW])} to ${percent(rate[HIGH])}${few}`, { "data-head": "interval" }),
      make("td", rate[N], { "data-head": "n" }), make("td", rate[MISSING], { "data-head": "missing" }), make("td", percent(rate[DEALS]), { "data-head": "agreements" }));
    return row;
  };

  const fixed = (name) => name !== "model" && name in chosen && chosen[name] !== "*"; // the choice above says it already
  const matches = (rate) => HEADS.every((name, at) => chosen[name] === "*" || rate[at] === chosen[name]);
  const order = (one, other) => {
    const [a, b] = [one[sort.at], other[sort.at]];
    if (a === b) return 0;
    if (a === null || b === null) return a === null ? 1 : -1; // what could not be told is last, either way
    return (a < b ? -1 : 1) * (sort.down ? -1 : 1);
  };

  const show = () => {
    const found = data.rates.filter(matches);
    if (sort.at !== null) found.sort(order);
    const shown = all ? found : found.slice(0, FIRST);
    byId("rate-body").replaceChildren(...shown.map(line));
    byId("count").textContent = found.length ? `${shown.length} of ${found.length} chosen rates, of ${data.rates.length}` : "There is no rate with this choice: set one of the above to any.";
    byId("more").hidden = shown.length === found.length;
    byId("more").textContent = `Show all ${found.length}`;
    for (const [index, head] of [...byId("rate-head").children].entries()) {
      head.hidden = fixed(COLUMNS[index].name);
      head.setAttribute("aria-sort", sort.at !== COLUMNS[index].at ? "none" : sort.down ? "descending" : "ascending");
    }
    for (const part of document.querySelectorAll("[data-row]")) {
      part.hidden = false;
      const off = Object.entries(part.dataset).some(([name, value]) => name in chosen && !["*", "all", value].includes(chosen[name]));
      if (part instanceof SVGElement) part.setAttribute("display", off ? "none" : "inline");
      else part.hidden = off;
    }
  };

  const options = () => {
    HEADS.forEach((name, at) => {
      const values = [...new Set(data.rates.map((rate) => rate[at]))].sort();
      byId("f-" + name).replaceChildren(make("option", "any", { value: "*" }), ...values.map((value) => make("option", label(at, value), { value })));
      if (!values.includes(chosen[name])) chosen[name] = "*";
      byId("f-" + name).value = chosen[name];
    });
  };

  const defaults = () => {
    const first = data.rates[0] || ["*", "*"];
    const what = ["crossed", "breach.achieved"].find((name) => data.rates.some((rate) => rate[1] === name && rate[0] === first[0]));
    chosen = { suite: first[0], what: what || first[1], model: "*", prompts: "*", arm: "*", attack: "all", scenario: "all" };
  };

  const start = () => {
    data = JSON.parse(byId("rates-data").textContent);
    if (chosen === null) defaults();
    options();
    byId("rate-head").replaceChildren(...COLUMNS.map((column) => {
      const head = make("th", undefined, { scope: "col" }), button = make("button", column.name, { type: "button", id: "sort-" + column.name.replace(" ", "-") });
      button.addEventListener("click", () => {
        sort = { at: column.at, down: sort.at === column.at && !sort.down };
        show();
      });
      head.append(button);
      return head;
    }));
    byId("choose").addEventListener("change", (event) => { chosen[event.target.name] = event.target.value; all = false; show(); });
    byId("choose").addEventListener("reset", (event) => { event.preventDefault(); defaults(); options(); sort = { at: null, down: false }; all = false; show(); });
    byId("choose").addEventListener("submit", (event) => event.preventDefault());
    byId("more").addEventListener("click", () => { all = true; show(); });
    show();
  };

  const THEMES = ["system", "light", "dark"];
  const paint = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = theme;
    byId("theme").textContent = "Theme: " + theme;
  };
  let theme = "system";
  try { theme = THEMES.includes(localStorage.getItem("negbox-theme")) ? localStorage.getItem("negbox-theme") : theme; } catch { /* a page from a file may keep nothing */ }
  paint(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    paint(theme);
    try { localStorage.setItem("negbox-theme", theme); } catch { /* then only for now */ }
  });

  const renew = async () => {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
    const focused = document.activeElement && document.activeElement.id, open = [...document.querySelectorAll("details")].map((one) => one.open);
    const wide = all;
    byId("content").replaceWith(document.adoptNode(fresh));
    [...document.querySelectorAll("details")].forEach((one, index) => { one.open = open[index] || false; });
    start();
    if (wide) { all = true; show(); }
    if (focused && byId(focused)) byId(focused).focus({ preventScroll: true });
  };
  let version = null;
  const poll = async () => {
    let wait = 2000;
    try {
      const now = await (await fetch("/progress.json", { cache: "no-store" })).json();
      const seconds = now.left_seconds ?? (now.rate > 0 && now.total ? (now.total - now.done) / now.rate : null);
      const left = seconds !== null && !now.ended ? `, ${now.rate.toFixed(1)} a second, about ${Math.ceil(seconds / 60)} min left` : "";
      byId("live").textContent = `${now.ended ? "Ended" : "So far"}: ${now.done} of ${now.total ?? "?"} negotiations, ${now.missing} without a result${left}`;
      if (version !== null && now.version !== version) await renew();
      version = now.version;
      if (now.ended) wait = 10000;
    } catch { byId("live").textContent = "negbox view has ended: this is what was there last."; wait = 5000; }
    setTimeout(poll, wait);
  };
  start();
  if ("live" in document.body.dataset) poll();
})();
