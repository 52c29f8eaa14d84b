"use strict";
/* The page of the whole study: runs, training curves, domains, figures. */
explorer.studyPage = (() => {
  const { element, showNumber, panels } = explorer;
  let plots = [];
  const COLOURS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];

  function draw(parent, data, openRun) {
    plots.forEach((plot) => plot.destroy());
    plots = [];
    const blocks = [];
    if (data.runs) blocks.push(makeRuns(data, openRun));
    if (data.domains) blocks.push(makeDomains(data.domains, openRun));
    parent.replaceChildren(...blocks);
    if (data.training.length) addTraining(parent, data.training);
    if (data.figures.length) parent.append(makeFigures(data.figures));
  }

  const block = (title, note, ...children) => element("section", { class: "block" }, element("h2", {}, title), note ? element("p", { class: "note" }, note) : null, ...children);

  const runName = (row) => row.run.replace(/ \((best|last) epoch\)$/, "");

  function makeRuns(data, openRun) {
    const { columns, rows } = data.runs;
    const known = new Set(data.answers.map((answer) => answer.run));
    const best = Object.fromEntries(columns.map(({ key }) => [key, Math.max(...rows.filter((row) => !row.baseline && row.values[key]).map((row) => row.values[key].mean))]));
    const groupOf = (key) => (key.includes("/") ? key.slice(0, key.lastIndexOf("/")).split("=").slice(1).join("=") : "");
    const lines = rows.map((row) => {
      const run = runName(row);
      const several = rows.some((other) => other.scope !== row.scope);
      const name = several ? `${row.run} · ${row.scope}` : row.run;
      return element("tr", { class: row.baseline ? "reference" : null },
        element("th", { scope: "row" }, known.has(run) && !row.baseline ? element("button", { class: "link", title: "its queries, worst first", onclick: () => openRun(run, "") }, name) : name),
        element("td", { class: "number" }, row.baseline ? "" : String(row.seeds.length)),
        ...columns.map(({ key, digits }) => {
          const value = row.values[key];
          if (!value) return element("td", { class: "number" }, "–");
          const spread = value.sd === null || value.sd === undefined ? "" : ` ± ${value.sd.toFixed(digits)}`;
          const interval = value.interval ? `95 % interval over the queries: ${value.interval.map((end) => end.toFixed(digits)).join(" to ")}` : "";
          const text = [element("span", { class: "mean" }, value.mean.toFixed(digits)), element("span", { class: "sd" }, spread)];
          const group = groupOf(key);
          const link = group && known.has(run) && !row.baseline;
          return element("td", { class: `number${!row.baseline && value.mean === best[key] ? " best" : ""}`, title: interval },
            link ? element("button", { class: "link", onclick: () => openRun(run, group), "aria-label": `${run}, ${group}: ${value.mean.toFixed(digits)}; its queries` }, text) : text,
            value.interval ? makeInterval(value) : null);
        }));
    });
    return block("Runs", "Percent; mean ± standard deviation over seeds. The bar below a score is its 95 % interval over the queries. A run's name opens its queries, worst first; so does a score of a part of the queries.",
      element("div", { class: "wide" }, element("table", { class: "runs" },
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Run"), element("th", { scope: "col", class: "number" }, "Seeds"), columns.map(({ label }) => element("th", { scope: "col", class: "number" }, label)))),
        element("tbody", {}, lines))));
  }

  function makeInterval({ mean, interval: [low, high] }) {
    const at = (value) => `${Math.max(0, Math.min(100, value))}%`;
    return element("span", { class: "interval", "aria-hidden": "true" },
      element("i", { style: { left: at(low), width: at(high - low) } }), element("b", { style: { left: at(mean) } }));
  }

  /* A line per domain: a dot per run with its spread, ticks at chance and at the ceiling. */
  function makeDomains({ domains, rows }, openRun) {
    const runs = rows.filter((row) => row.epoch !== null), references = rows.filter((row) => row.epoch === null);
    const chance = references.find((row) => row.name === "chance");
    const ceiling = [...references].reverse().find((row) => /^best found/.test(row.name)) || null;
    const human = references.find((row) => row.name === "mean human");
    const tick = (row, domain, cls) => (row && row.values[domain] ? element("i", { class: `tick ${cls}`, title: `${row.name}: ${row.values[domain].mean.toFixed(1)}`, style: { left: `${row.values[domain].mean}%` } }) : null);
    const names = [...domains, "mean"];
    const lines = names.map((domain) => element("div", { class: "domain" },
      domain === "mean" ? element("strong", {}, "mean") : element("button", { class: "link", onclick: () => openRun("", domain) }, domain),
      element("div", { class: "scale", role: "img", "aria-label": `${domain}: ${[...runs, ...references].filter((row) => row.values[domain]).map((row) => `${row.name} ${row.epoch || ""} ${row.values[domain].mean.toFixed(1)}`).join(", ")}` },
        tick(chance, domain, "chance"), tick(human, domain, "human"), tick(ceiling, domain, "ceiling"),
        runs.map((row) => {
          const value = row.values[domain];
          if (!value) return null;
          const title = `${row.name}, ${row.epoch}: ${value.mean.toFixed(1)}${value.sd === null || value.sd === undefined ? "" : ` ± ${value.sd.toFixed(1)}`}`;
          const last = /last/.test(row.epoch);
          const colour = `var(${COLOURS[[...new Set(runs.map((one) => one.name))].indexOf(row.name) % COLOURS.length]})`;
          return [value.sd ? element("i", { class: "spread", style: { left: `${value.mean - value.sd}%`, width: `${2 * value.sd}%`, background: colour } }) : null,
            element("i", { class: `dot${last ? "" : " open"}`, title, style: { left: `${value.mean}%`, color: colour } })];
        }))));
    const unique = [...new Set(runs.map((row) => row.name))];
    const legend = element("p", { class: "legend" },
      unique.map((name, place) => element("span", {}, element("i", { class: "dot", style: { color: `var(${COLOURS[place % COLOURS.length]})` } }), name)),
      element("span", {}, element("i", { class: "dot open" }), "best epoch"), element("span", {}, element("i", { class: "tick chance" }), "chance"),
      human ? element("span", {}, element("i", { class: "tick human" }), "mean human") : null, ceiling ? element("span", {}, element("i", { class: "tick ceiling" }), ceiling.name) : null);
    return block("Domains", "Top-5 mAP in percent, 0 to 100. The best epoch was chosen on the videos that it is scored on: the last epoch (filled) is the fair one.", legend, element("div", { class: "domains" }, lines));
  }

  function addTraining(parent, training) {
    const boxes = element("div", { class: "pair" });
    const legend = element("p", { class: "legend" }, training.map((one, place) => element("span", {}, element("i", { class: "dot", style: { color: `var(${COLOURS[place % COLOURS.length]})` } }), one.run)));
    parent.append(block("Training", "Of each run's first seed.", legend, boxes));
    const metric = (training.find((one) => one.metric) || {}).metric;
    const wanted = [["Training loss", "loss", true], [metric ? `${metric} on validation` : "", "score", false]].filter(([title]) => title);
    // All boxes first: the width of each depends on their number.
    const made = wanted.map(([title]) => element("div", {}, element("h3", {}, title)));
    boxes.append(...made);
    wanted.forEach(([, key, log], place) => {
      const box = made[place];
      const epochs = [...new Set(training.flatMap((one) => one.epochs))].sort((x, y) => x - y);
      const data = [epochs, ...training.map((one) => epochs.map((epoch) => { const at = one.epochs.indexOf(epoch); return at < 0 ? null : one[key][at]; }))];
      const axis = { stroke: panels.colour("--quiet"), font: "11px system-ui, sans-serif", grid: { stroke: panels.colour("--grid"), width: 1 }, ticks: { show: false } };
      const positive = log && data.slice(1).flat().every((value) => value === null || value > 0);
      plots.push(new uPlot({
        width: Math.max(280, box.clientWidth), height: 240, legend: { show: false }, padding: [8, 8, 0, 0],
        scales: { x: { time: false }, y: positive ? { distr: 3 } : {} },
        cursor: { drag: { x: false, y: false }, points: { size: 6 } },
        axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], label: "epoch", labelSize: 16, labelFont: "11px system-ui, sans-serif", size: 26 }, { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : String(tick))) }],
        series: [{}, ...training.map((one, place) => ({ label: one.run, stroke: panels.colour(COLOURS[place % COLOURS.length]), width: 2, spanGaps: true, points: { show: data[0].length < 3 || key === "score", size: 4 } }))],
      }, data, box));
    });
  }

  function makeFigures(figures) {
    return block("Figures", "", element("div", { class: "figures" }, figures.map(({ url, caption }) => {
      const image = element("img", { src: url, alt: caption, loading: "lazy" });
      const figure = element("figure", {}, element("a", { href: url }, image), element("figcaption", {}, caption));
      image.addEventListener("error", () => figure.replaceChildren(element("figcaption", {}, `${caption}: not at ${url}`)));
      return figure;
    })));
  }

  return { draw };
})();
