"use strict";
/* The right side: one query with its scores, its video, and the panels. */
explorer.detail = (() => {
  const { element, showTime, showNumber, player, panels } = explorer;
  const place = () => document.getElementById("detail");
  let current = null, pictureOf = null;

  /* Show query `index`, whose object is `query`, with the answers `chosen`: [{index, which}]. */
  function show(index, query, chosen, at) {
    const data = explorer.data;
    const shown = chosen.map(({ index: answer, which }) => ({ name: data.answers[answer].name, which, place: answer, answer: query.answers[answer] }));
    const same = current && current.index === index;
    current = { index, query, chosen };
    const parts = [makeHead(index, query), makeStage(query, shown, same ? player.time : at ?? firstTime(query, shown))];
    panels.destroy();
    place().replaceChildren(...parts);
    place().scrollTop = 0;
    panels.draw(place(), query, shown);
  }

  /* Where to begin: the best predicted moment, else a labelled one. */
  function firstTime(query, shown) {
    const best = shown.map((one) => one.answer && one.answer.windows[0]).find(Boolean) || query.windows[0];
    return best ? best[0] : 0;
  }

  function makeHead(index, query) {
    const group = explorer.data.queries.group[index];
    const about = [`query ${query.qid}`, `video ${query.vid}`, group, showTime(query.seconds)].filter(Boolean);
    return element("header", { class: "head" }, element("h2", {}, query.query || "(no text)"), element("p", {}, about.join(" · ")),
      query.media && query.media.problem && query.media.codecs ? element("p", { class: "problem" }, query.media.problem) : null);
  }

  function makeStage(query, shown, at) {
    const screen = element("div", { class: "screen" });
    const video = player.open(query, at, () => screen.replaceChildren(...makeNote(query, true)));
    screen.append(...(video ? [video] : makeNote(query, false)));
    return element("div", { class: "stage" }, screen, element("div", { class: "cards" }, shown.map((one) => makeCard(query, one))));
  }

  /* Why there is no video, with the picture of the current time where there are pictures. */
  function makeNote(query, failed) {
    const media = query.media;
    let why = "The video is not linked: the curves and pictures are those of the study.";
    if (media && media.problem && !media.codecs) why = media.problem;
    else if (media && media.codecs && !media.plays) why = `Browsers do not play ${media.codecs} in ${media.file}. ${explorer.data.hint}`;
    else if (failed) why = `This browser cannot play ${media.file} (${media.codecs}), or it is not where the page expects it: ${media.url}`;
    const note = element("p", { class: "why" }, why);
    if (!media || !media.pictures) return [note];
    const picture = element("div", { class: "picture", role: "img", "aria-label": "Picture at this time" });
    const image = new Image();
    image.onload = () => { picture.style.aspectRatio = `${image.naturalWidth / media.count} / ${image.naturalHeight}`; };
    image.src = media.pictures;
    picture.style.backgroundImage = `url("${media.pictures.replace(/["\\\n]/g, encodeURIComponent)}")`;
    picture.style.backgroundSize = `${media.count * 100}% 100%`;
    pictureOf = { picture, media };
    showPicture(player.time);
    return [picture, note];
  }

  function showPicture(time) {
    if (!pictureOf || !pictureOf.picture.isConnected && current === null) return;
    const { picture, media } = pictureOf;
    const part = Math.max(0, Math.min(media.count - 1, Math.floor((time / media.seconds) * media.count)));
    picture.style.backgroundPosition = `${media.count > 1 ? (part * 100) / (media.count - 1) : 0}% 0`;
  }

  function makeCard(query, one) {
    const answers = explorer.data.answers[one.place];
    const index = current.index;
    const numbers = explorer.data.metrics.map((metric) => {
      const value = answers.values[metric.key][index];
      return element("div", { title: metric.what }, element("dt", {}, metric.label), element("dd", {}, showNumber(value, value !== null && value % 1 ? 1 : 0)));
    });
    explorer.data.kinds.forEach((kind) => {
      const value = answers.gates[kind][index];
      if (value !== null) numbers.push(element("div", {}, element("dt", {}, { mha: "MHA gate", ffn: "FFN gate", gamma: "FiLM γ", beta: "FiLM β" }[kind] || kind), element("dd", {}, showNumber(value, 2))));
    });
    const windows = one.answer ? one.answer.windows : [];
    const shownMoments = windows.slice(0, 4).map(([begin, end, score], rank) => {
      const overlap = Math.max(0, ...query.windows.map((window) => iou([begin, end], window)));
      return element("li", {}, element("button", { class: "link", onclick: () => player.seek(begin), "aria-label": `Moment ${rank + 1}, ${showTime(begin)} to ${showTime(end)}` }, `${showTime(begin)} – ${showTime(end)}`),
        element("span", { title: "score" }, showNumber(score, 2)),
        element("span", { title: "overlap (IoU) with the nearest labelled moment", class: overlap >= 0.5 ? "hit" : "miss" }, query.windows.length ? showNumber(overlap, 2) : ""));
    });
    return element("article", { class: `card ${one.which}` },
      element("h3", {}, element("span", { class: `swatch ${one.which}` }, one.name), element("small", {}, answers.what)),
      one.answer ? element("dl", {}, numbers) : element("p", { class: "why" }, "No prediction: the video was left out, see the list of problems (problems.tsv)."),
      shownMoments.length ? element("ol", {}, element("li", { class: "names", "aria-hidden": "true" }, element("span", {}, "moment"), element("span", {}, "score"), element("span", {}, query.windows.length ? "IoU" : "")), shownMoments) : null);
  }

  function iou([begin, end], [first, last]) {
    const shared = Math.max(0, Math.min(end, last) - Math.max(begin, first));
    return shared / (end - begin + last - first - shared || 1);
  }

  player.onTime(showPicture);
  return { show, current: () => current };
})();
