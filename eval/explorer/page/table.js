"use strict";
/* The table of queries: sorted, searched, and drawn only where it is visible, so that thousands of rows cost nothing. */
explorer.table = (() => {
  const { element, showNumber } = explorer;
  const ROW = 46; // pixels, as in style.css
  const SPARE = 6; // rows drawn beyond the visible ones
  const byId = (id) => document.getElementById(id);
  let data, texts, order = [], selected = -1, columns = [], a = 0, b = -1;
  let sortKey = "", ascending = true, onSelect = () => {};

  function start(given, select) {
    data = given;
    onSelect = select;
    const { qid, query, vid, group } = data.queries;
    texts = query.map((text, i) => `${text} ${qid[i]} ${vid[i]} ${group[i]}`.toLowerCase());
    const groups = [...new Set(group.filter(Boolean))].sort();
    byId("group").replaceChildren(
      element("option", { value: "" }, "all kinds"), ...groups.map((name) => element("option", { value: name }, name)));
    byId("group").hidden = !groups.length;
    const scroll = byId("scroll");
    scroll.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
    byId("search").addEventListener("input", () => filter());
    byId("group").addEventListener("change", () => filter());
    byId("order").addEventListener("change", (event) => {
      const [key, direction] = event.target.value.split("|");
      sortBy(key, direction === "up");
    });
    new ResizeObserver(() => chooseColumns()).observe(scroll);
  }

  /* Columns of the runs that are shown: the main metric, the difference, other metrics and gates as space allows. */
  function setRuns(first, second) {
    a = first;
    b = second;
    chooseColumns(true);
    filter();
  }

  function allColumns() {
    const mine = data.answers[a], other = b < 0 ? null : data.answers[b];
    const made = [];
    data.metrics.forEach((metric, place) => {
      made.push({ key: metric.key, label: metric.label, what: metric.what, values: mine.values[metric.key], digits: 0, rank: place ? 2 + place : 0 });
      if (!place && other) {
        const theirs = other.values[metric.key];
        const gain = mine.values[metric.key].map((value, i) => (value === null || theirs[i] === null ? null : value - theirs[i]));
        made.push({ key: "gain", label: `Δ ${metric.label}`, what: `${metric.label} of ${mine.name} minus that of ${other.name}`, values: gain, digits: 0, rank: 1, signed: true });
      }
    });
    data.kinds.forEach((kind, place) => {
      const label = { mha: "MHA", ffn: "FFN", gamma: "γ", beta: "β" }[kind] || kind;
      made.push({ key: `gate-${kind}`, label, what: `mean ${label} gate over layers and clips`, values: mine.gates[kind], digits: 2, rank: 2 + 10 * place });
    });
    return made;
  }

  function chooseColumns(always) {
    if (!data) return;
    const room = Math.max(2, Math.floor((byId("scroll").clientWidth - 210) / 62));
    const all = allColumns();
    const kept = new Set([...all].sort((x, y) => x.rank - y.rank).slice(0, room));
    const next = all.filter((column) => kept.has(column) || column.key === sortKey);
    if (!always && next.map((column) => column.key).join() === columns.map((column) => column.key).join()) return draw();
    columns = next;
    const head = (key, label, what) => {
      const active = key === sortKey;
      const button = element("button", { title: `${what}; click to sort`, onclick: () => sortBy(key, active ? !ascending : key === "") },
        label, element("span", { class: "mark", "aria-hidden": "true" }, active ? (ascending ? " ▲" : " ▼") : ""));
      return element("div", { role: "columnheader", class: key ? "cell number" : "cell", "aria-sort": active ? (ascending ? "ascending" : "descending") : "none" }, button);
    };
    byId("heads").replaceChildren(head("", "Query", "order of the file"), ...columns.map((column) => head(column.key, column.label, column.what)));
    byId("scroll").style.setProperty("--columns", `minmax(0, 1fr) repeat(${columns.length}, 62px)`);
    byId("scroll").setAttribute("aria-colcount", columns.length + 1);
    fillOrders(all);
    draw(true);
  }

  function fillOrders(all) {
    const options = [["", true, "in the order of the file"]];
    for (const column of all) {
      if (column.key === "gain") options.push([column.key, true, "largest loss first"], [column.key, false, "largest gain first"]);
      else if (column.key.startsWith("gate-")) options.push([column.key, false, `highest ${column.label} gate first`], [column.key, true, `lowest ${column.label} gate first`]);
      else options.push([column.key, true, `worst ${column.label} first`], [column.key, false, `best ${column.label} first`]);
    }
    byId("order").replaceChildren(...options.map(([key, up, label]) => {
      const value = `${key}|${up ? "up" : "down"}`;
      return element("option", { value, selected: key === sortKey && up === ascending }, label);
    }));
  }

  function filter() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const group = byId("group").value;
    order = [];
    for (let i = 0; i < texts.length; i++) {
      if (group && data.queries.group[i] !== group) continue;
      if (words.every((word) => texts[i].includes(word))) order.push(i);
    }
    byId("count").textContent = order.length === texts.length
      ? `${texts.length} ${texts.length === 1 ? "query" : "queries"}` : `${order.length} of ${texts.length} queries`;
    sort();
  }

  function sortBy(key, up) {
    sortKey = key;
    ascending = up;
    sort();
    chooseColumns(true);
  }

  function sort() {
    const column = columns.find((one) => one.key === sortKey) || allColumns().find((one) => one.key === sortKey);
    if (!column) sortKey = "";
    const sign = ascending ? 1 : -1;
    // Rows without a value come last, whatever the direction; equal ones keep the order of the file.
    order.sort((x, y) => {
      if (!column) return sign * (x - y);
      const left = column.values[x], right = column.values[y];
      if (left === null || right === null) return (left === null) - (right === null) || x - y;
      return sign * (left - right) || x - y;
    });
    byId("scroll").scrollTop = 0;
    byId("scroll").setAttribute("aria-rowcount", order.length + 1);
    draw(true);
  }

  /* Draw the rows that can be seen. */
  let drawn = "";
  function draw(always) {
    if (!data) return;
    const scroll = byId("scroll"), rows = byId("rows");
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(order.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + SPARE);
    if (always !== true && drawn === `${first}-${last}`) return;
    drawn = `${first}-${last}`;
    rows.style.height = `${order.length * ROW}px`;
    rows.replaceChildren(...order.slice(first, last).map((index, place) => makeRow(index, first + place)));
    if (!order.length) rows.replaceChildren(element("p", { class: "empty" }, "No query matches."));
    if (rows.querySelector(`#row-${selected}`)) scroll.setAttribute("aria-activedescendant", `row-${selected}`);
    else scroll.removeAttribute("aria-activedescendant");
  }

  function makeRow(index, place) {
    const { qid, query, vid, group } = data.queries;
    const about = [qid[index], vid[index], group[index]].filter((text) => text !== "").join(" · ");
    return element("div", {
      id: `row-${index}`, role: "row", class: "row", "aria-rowindex": place + 2, "aria-selected": index === selected ? "true" : "false",
      style: { transform: `translateY(${place * ROW}px)` }, onclick: () => select(index, true),
    },
    element("div", { role: "gridcell", class: "cell name" },
      element("span", { class: "query", title: query[index] }, query[index] || "(no text)"), element("span", { class: "about" }, about)),
    ...columns.map((column) => makeNumber(column, column.values[index])));
  }

  function makeNumber(column, value) {
    const text = column.signed && value > 0 ? `+${showNumber(value, column.digits)}` : showNumber(value, column.digits);
    const classes = ["cell", "number"];
    if (value !== null && column.signed && Math.round(value)) classes.push(value > 0 ? "gain" : "loss");
    const cell = element("div", { role: "gridcell", class: classes.join(" ") }, text);
    if (value !== null && !column.signed && column.digits === 0) {
      cell.classList.add("percent");
      cell.style.setProperty("--share", `${Math.max(0, Math.min(100, value))}%`);
    }
    return cell;
  }

  /* Select a query by its index; `play` says whether the user asked for it here. */
  function select(index, play) {
    selected = index;
    reveal();
    draw(true);
    onSelect(index, play);
  }

  function reveal() {
    const place = order.indexOf(selected), scroll = byId("scroll");
    if (place < 0) return;
    const room = scroll.clientHeight - byId("heads").offsetHeight;
    if (place * ROW < scroll.scrollTop) scroll.scrollTop = place * ROW;
    else if ((place + 1) * ROW > scroll.scrollTop + room) scroll.scrollTop = (place + 1) * ROW - room;
  }

  /* Select the next (1) or the previous (-1) row. */
  function move(step) {
    const place = order.indexOf(selected);
    const next = place < 0 ? (step > 0 ? 0 : order.length - 1) : place + step;
    if (order[next] !== undefined) select(order[next], false);
  }

  return {
    start, setRuns, sortBy, select, move, filter,
    first: () => order[0],
    mark(index) { selected = index; reveal(); draw(true); },
    show(group, key, up) {
      byId("search").value = "";
      byId("group").value = group;
      filter();
      sortBy(key, up);
    },
  };
})();
