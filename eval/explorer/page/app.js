"use strict";
/* Wires the parts together: runs, views, links (#qid=..&t=..&run=..), keys, and light or dark. */
(() => {
  const { element, table, detail, panels, player, studyPage } = explorer;
  const byId = (id) => document.getElementById(id);
  const KEYS = [
    ["j / k, ↓ / ↑", "next or previous query"], ["space", "play or pause"], ["← / →", "one clip back or on; with Shift a second"],
    [", / .", "one frame (1/25 s) back or on"], ["1 to 9", "go to that predicted moment"], ["x", "swap the two runs"], ["/", "search"],
    ["s", "queries or study"], ["t", "light or dark"], ["?", "this list"],
  ];
  let data = null, first = 0, second = -1, selected = -1, view = "queries", studied = true, written = "";

  explorer.ready.push((given) => {
    data = explorer.data = given;
    const name = [data.dataset, data.split].filter(Boolean).join(" · ") || "Explorer";
    byId("title").textContent = name;
    document.title = name;
    byId("warning").hidden = !data.warning;
    byId("warning").textContent = data.warning ? `Warning: ${data.warning}.` : "";
    const named = (index) => element("option", { value: String(index) }, data.answers[index].name);
    const all = data.answers.map((_, index) => index);
    byId("answer-a").append(...all.map(named));
    byId("answer-b").append(element("option", { value: "-1" }, "no other run"), ...all.map(named));
    document.querySelectorAll(".choices .b, #answer-b").forEach((one) => { one.hidden = data.answers.length < 2; });
    byId("answer-a").addEventListener("change", (event) => choose(+event.target.value, second));
    byId("answer-b").addEventListener("change", (event) => choose(first, +event.target.value));
    // Answers without a study have one view.
    studied = Boolean(data.runs || data.domains || data.training.length || data.figures.length);
    byId("tabs").hidden = !studied;
    document.querySelectorAll(".choices .a, #answer-a").forEach((one) => { one.hidden = !studied && data.answers.length < 2; });
    ["queries", "study"].forEach((which) => byId(`tab-${which}`).addEventListener("click", () => show(which)));
    byId("theme").addEventListener("click", toggleTheme);
    byId("help").addEventListener("click", showKeys);
    table.start(data, (index, play) => open(index, play));
    follow();
    window.addEventListener("hashchange", () => { if (location.hash !== written) follow(); });
    window.addEventListener("resize", () => requestAnimationFrame(panels.resize));
    // What the reader chose stays until the system changes.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (system) => setTheme(system.matches));
    document.addEventListener("keydown", press);
    player.onTime(remember);
    document.documentElement.dataset.ready = "yes";
  });

  /* What the address asks for. */
  function follow() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const find = (name) => data.answers.findIndex((answer) => answer.name === name || answer.run === name);
    const run = find(asked.get("run")), other = find(asked.get("vs"));
    first = run >= 0 ? run : first;
    second = asked.has("vs") ? other : second;
    setRuns();
    show(asked.get("view") === "study" ? "study" : "queries");
    const index = asked.has("qid") ? data.queries.qid.findIndex((qid) => String(qid) === asked.get("qid")) : -1;
    const time = parseFloat(asked.get("t"));
    if (index >= 0) {
      table.mark(index);
      open(index, false, Number.isFinite(time) ? time : undefined);
    } else if (selected < 0 && table.first() !== undefined) {
      table.mark(table.first());
      open(table.first(), false);
    }
  }

  function setRuns() {
    byId("answer-a").value = String(first);
    byId("answer-b").value = String(second);
    table.setRuns(first, second);
  }

  function choose(a, b) {
    first = a;
    second = b === a ? -1 : b;
    setRuns();
    if (selected >= 0) open(selected, false);
  }

  function open(index, play, at) {
    const again = index === selected;
    selected = index;
    explorer.load(index, (query) => {
      if (index !== selected) return; // another one was opened meanwhile
      if (!query) {
        byId("detail").replaceChildren(element("p", { class: "empty" }, `The data of query ${data.queries.qid[index]} is not next to the page.`));
        return;
      }
      const chosen = [{ index: first, which: "a" }];
      if (second >= 0) chosen.push({ index: second, which: "b" });
      detail.show(index, query, chosen, at);
      if (again && at !== undefined) player.seek(at);
      if (play) player.play();
      remember(player.time);
      document.documentElement.dataset.shown = String(query.qid);
    });
  }

  /* Keep the address up to date, at most twice a second, since browsers limit how often it may change. */
  let timer = 0;
  function remember() {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      const link = new URLSearchParams();
      if (view === "study") link.set("view", "study");
      if (selected >= 0) {
        link.set("qid", data.queries.qid[selected]);
        link.set("t", String(Math.round(player.time * 100) / 100));
      }
      link.set("run", data.answers[first].name);
      if (second >= 0) link.set("vs", data.answers[second].name);
      written = `#${link}`;
      if (location.hash !== written) history.replaceState(null, "", written);
    }, 500);
  }

  function show(which) {
    view = studied ? which : "queries";
    for (const one of ["queries", "study"]) {
      byId(one).hidden = one !== view;
      byId(`tab-${one}`).setAttribute("aria-selected", String(one === view));
    }
    if (view === "study") studyPage.draw(byId("study"), data, openRun);
    remember();
  }

  /* Queries of a run, worst first, perhaps of one kind or domain alone. */
  function openRun(run, group) {
    const index = data.answers.findIndex((answer) => answer.run === run);
    if (index >= 0) choose(index, second);
    show("queries");
    table.show(group, data.metrics.length ? data.metrics[0].key : "", true);
    if (table.first() !== undefined) table.select(table.first(), false);
  }

  function toggleTheme() {
    setTheme(document.documentElement.dataset.theme !== "dark");
  }

  function setTheme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    panels.repaint();
    if (selected >= 0) open(selected, false, player.time);
    if (view === "study") studyPage.draw(byId("study"), data, openRun);
  }

  function showKeys() {
    const dialog = byId("keys");
    dialog.replaceChildren(element("h2", {}, "Keyboard"), element("dl", {}, KEYS.map(([key, what]) => [element("dt", {}, key), element("dd", {}, what)])),
      element("p", {}, "A click on a curve, a picture or a moment goes to that time; a click on a column's name sorts."),
      element("form", { method: "dialog" }, element("button", {}, "Close")));
    if (!dialog.open) dialog.showModal();
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    const target = event.target;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
    if (typing && event.key === "Escape") return target.blur();
    if (typing) return;
    const clip = (detail.current() && detail.current().query.clip) || 2;
    const pressed = {
      j: () => table.move(1), k: () => table.move(-1), ArrowDown: () => table.move(1), ArrowUp: () => table.move(-1),
      ArrowLeft: () => player.step(event.shiftKey ? -1 : -clip), ArrowRight: () => player.step(event.shiftKey ? 1 : clip),
      ",": () => player.step(-0.04), ".": () => player.step(0.04),
      "/": () => byId("search").focus(), "?": showKeys, t: toggleTheme, s: () => show(view === "study" ? "queries" : "study"),
      x: () => { if (second >= 0) choose(second, first); },
    }[event.key];
    if (event.key === " " && target.tagName !== "BUTTON") {
      event.preventDefault();
      return player.toggle();
    }
    if (/^[1-9]$/.test(event.key)) {
      const now = detail.current(), answer = now && now.query.answers[first];
      if (answer && answer.windows[event.key - 1]) player.seek(answer.windows[event.key - 1][0]);
      return;
    }
    if (!pressed) return;
    event.preventDefault();
    pressed();
  }
})();
