"use strict";
/* Panels below the video on one time axis: pictures, moments, and curves drawn by uPlot. */
explorer.panels = (() => {
  const { element, unpack, showTime, showNumber } = explorer;
  const GUTTER = 92, RIGHT = 14; // pixels beside the axis, as in style.css
  const HEIGHT = 80;
  const TITLES = { mha: "MHA gate", ffn: "FFN gate", gamma: "FiLM scale", beta: "FiLM shift" };
  const MEANINGS = {
    mha: "weight of the audio update, per layer; at 0 no sound gets through",
    ffn: "weight of the update after the audio, per layer",
    gamma: "size of the scale that FiLM adds, per layer",
    beta: "shift of the update by FiLM, per layer",
  };
  const MOST_READ = 6; // layers whose values are written out
  let plots = [], stack = null, playhead = null, seconds = 1, readers = [];

  /* A colour of style.css. Reading styles makes the browser compute them, so each is read once per theme. */
  let colours = new Map();
  function colour(name) {
    if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    return colours.get(name);
  }

  /* Colours of layers: from dark to light in the run's own hue. */
  function layerColours(count, which) {
    const [hue, saturation, from, to] = colour(`--layers-${which}`).split(/\s+/).map(Number);
    return Array.from({ length: count }, (_, i) => {
      const light = count === 1 ? from : from + ((to - from) * i) / (count - 1);
      return `hsl(${hue} ${saturation}% ${light}%)`;
    });
  }

  /* Draw all panels of a query into `parent`. `shown`: [{name, which: "a" or "b", answer}]. */
  function draw(parent, query, shown) {
    destroy();
    seconds = query.seconds;
    playhead = element("div", { class: "playhead", "aria-hidden": "true" }, element("span", {}));
    stack = element("div", { class: "stack", onclick: seekAt });
    parent.append(stack);
    if (query.media && query.media.pictures) addPictures(query);
    addMoments(query, shown);
    const ends = Math.max(2, ...shown.filter((one) => one.answer).map((one) => one.answer.clips));
    const width = Math.max(200, stack.clientWidth);
    const panel = (...rest) => addPlot(query, width, ...rest);
    addSaliency(query, shown, panel);
    if (query.level) {
      panel("Sound", "level of each clip in dB of full scale", HEIGHT - 12, [
        { label: "level", values: unpack(query.level), stroke: colour("--sound"), fill: colour("--sound-fill"), digits: 1, unit: " dB" }], {});
    }
    const kinds = [...new Set(shown.flatMap((one) => (one.answer ? Object.keys(one.answer.gates) : [])))];
    kinds.forEach((kind) => {
      const lines = shown.flatMap((one) => layersOf(one, one.answer && one.answer.gates[kind], ends));
      panel(TITLES[kind] || kind, MEANINGS[kind] || "", HEIGHT, lines, { zero: true, deaf: kind === "mha" && shown.every((one) => !one.answer || one.answer.heard === false) });
    });
    [...new Set(shown.flatMap((one) => (one.answer ? Object.keys(one.answer.contribution) : [])))].forEach((kind) => {
      const lines = shown.flatMap((one) => layersOf(one, one.answer && one.answer.contribution[kind], ends));
      panel(`${(TITLES[kind] || kind).replace(/ gate$/, "")} share`, "what the update adds, relative to what is there: |gate · update| / |x|, per layer", HEIGHT, lines, { zero: true });
    });
    addAxis(width);
    stack.append(playhead);
    placePlayhead(explorer.player.time);
  }

  function layersOf(one, curves, ends) {
    if (!curves) return [];
    const [low, high, layers] = curves;
    const shades = layerColours(layers.length, one.which);
    return layers.map((codes, layer) => {
      let values = unpack([low, high, codes]);
      if (values.length === 1) values = new Array(ends).fill(values[0]);
      return {
        label: layers.length > 1 ? `L${layer + 1}` : "", group: one.name, which: one.which, values,
        stroke: shades[layer], dash: one.which === "b" ? [5, 3] : undefined, digits: 2, width: 1.6,
      };
    });
  }

  function addSaliency(query, shown, panel) {
    const lines = [];
    if (query.labels) {
      const { mean, low, high, most, annotators } = query.labels;
      const labelled = { fixed: [0, most * 1.04], digits: 1, stroke: colour("--truth") };
      if (annotators > 1) {
        lines.push({ ...labelled, label: "highest", values: unpack(high), width: 0, quiet: true });
        lines.push({ ...labelled, label: "lowest", values: unpack(low), width: 0, quiet: true, band: colour("--truth-fill") });
      }
      lines.push({ ...labelled, label: annotators > 1 ? `${annotators} annotators` : "annotator", values: unpack(mean), width: 1.4 });
    }
    for (const one of shown) {
      if (one.answer && one.answer.saliency) {
        lines.push({ label: one.name, values: unpack(one.answer.saliency), stroke: colour(`--${one.which}`), own: true, width: 2, digits: 2, fill: one.which === "a" ? colour("--a-fill") : undefined });
      }
    }
    if (lines.length) panel("Saliency", "highlight score of each clip, each run on its own scale: only the order counts; shaded: annotators", HEIGHT + 16, lines, { bare: true });
  }

  function addPictures(query) {
    const { pictures, count } = query.media;
    const strip = element("div", { class: "strip" });
    const image = new Image();
    image.onload = () => {
      // As many pictures as fit without overlap, each at its own time.
      const room = strip.clientWidth, ratio = image.naturalWidth / count / image.naturalHeight;
      const height = 46, width = Math.max(24, height * ratio), fit = Math.max(1, Math.min(count, Math.floor(room / width)));
      strip.replaceChildren(...Array.from({ length: fit }, (_, i) => {
        const place = Math.min(count - 1, Math.floor(((i + 0.5) * count) / fit));
        return element("span", { style: {
          backgroundImage: `url("${pictures.replace(/["\\\n]/g, encodeURIComponent)}")`,
          backgroundSize: `${count * 100}% 100%`, backgroundPosition: `${count > 1 ? (place * 100) / (count - 1) : 0}% 0`,
          width: `${100 / fit}%`,
        } });
      }));
    };
    image.onerror = () => row.remove();
    const row = element("div", { class: "panel pictures", role: "img", "aria-label": `${count} pictures of the video` }, element("div", { class: "side" }, "Pictures"), strip);
    stack.append(row);
    image.src = pictures;
  }

  function addMoments(query, shown) {
    const lanes = [["labelled", "truth", query.windows.map(([begin, end]) => [begin, end, null])]];
    for (const one of shown) lanes.push([one.name, one.which, one.answer ? one.answer.windows : []]);
    if (lanes.every(([, , windows]) => !windows.length)) return; // networks that learnt saliency alone
    for (const [name, which, windows] of lanes) {
      if (!windows.length && which === "truth") continue;
      const track = element("div", { class: "track" });
      [...windows].reverse().forEach(([begin, end, score], place) => {
        const rank = windows.length - place;
        const text = `${showTime(begin)} to ${showTime(end)}${score === null ? "" : `, score ${score.toFixed(2)}`}`;
        track.append(element("button", {
          class: `moment ${which}`, title: text, "aria-label": `${which === "truth" ? "Labelled moment" : `${name}, moment ${rank}`}: ${text}`,
          style: { left: `${(100 * begin) / seconds}%`, width: `${(100 * (end - begin)) / seconds}%`, opacity: score === null ? 1 : 0.16 + 0.84 * Math.max(0, Math.min(1, score)) },
          onclick: (event) => { event.stopPropagation(); explorer.player.seek(begin); },
        }, score !== null && (end - begin) / seconds > 0.06 && score >= 0.3 ? score.toFixed(2) : ""));
      });
      if (!windows.length) track.append(element("span", { class: "none" }, "no moments predicted"));
      stack.append(element("div", { class: "panel lane" }, element("div", { class: `side swatch ${which}`, title: name }, name), track));
    }
  }

  /* Values at the time of the cursor or of the playhead. */
  function addPlot(query, width, title, meaning, height, lines, options) {
    if (!lines.length) return;
    const count = Math.max(...lines.map((line) => line.values.length));
    const times = Array.from({ length: count + 1 }, (_, i) => Math.min(i * query.clip, Math.max(seconds, count * query.clip)));
    // Steps: the value of a clip holds from its beginning to its end.
    const held = (values) => [...values, ...new Array(count - values.length).fill(null), values.length === count ? values[count - 1] : null];
    const scales = { x: { time: false, range: () => [0, seconds] }, y: { range: rangeOf(lines, options) } };
    const series = [{}], data = [times], bands = [];
    lines.forEach((line, place) => {
      const scale = line.own ? `own${place}` : line.fixed ? "labels" : "y";
      if (line.own) scales[scale] = { range: rangeOf([line], { bare: true }) };
      if (line.fixed) scales[scale] = { range: () => line.fixed };
      series.push({ label: line.label, scale, stroke: line.width === 0 ? "transparent" : line.stroke, width: line.width ?? 1.5, dash: line.dash, fill: line.fill, fillTo: (self) => self.scales[scale].min, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false }, spanGaps: false });
      if (line.band) bands.push({ series: [place, place + 1], fill: line.band });
      data.push(held(line.values));
    });
    const values = element("span", { class: "values" });
    const box = element("div", { class: "plot" });
    const head = element("div", { class: "side" }, element("span", { title: meaning }, title));
    const summary = lines.filter((line) => !line.quiet).map((line) => `${line.group ? `${line.group} ${line.label}` : line.label} mean ${showNumber(mean(line.values), 2)}`).join(", ");
    stack.append(element("div", { class: "panel curve", role: "img", "aria-label": `${title}: ${summary}` }, head, box, values));
    const axis = { stroke: colour("--quiet"), font: "10px system-ui, sans-serif", grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
    const plot = new uPlot({
      width: width - RIGHT, height, scales, series, bands, legend: { show: false }, padding: [17, 0, 4, 0],
      cursor: { drag: { x: false, y: false }, y: false, points: { show: false }, sync: { key: "explorer", scales: ["x", null] } },
      axes: [{ ...axis, size: 0, values: () => [], grid: { show: true, stroke: colour("--grid"), width: 1 } },
        { ...axis, size: GUTTER, gap: 4, show: true, space: 20, scale: "y", values: options.bare ? () => [] : (_, ticks) => ticks.map((tick) => String(+tick.toPrecision(4))), grid: { show: !options.bare, stroke: colour("--grid"), width: 1 } }],
      hooks: { draw: [(self) => shade(self, query)], setCursor: [(self) => read(self.cursor.left >= 0 ? self.posToVal(self.cursor.left, "x") : explorer.player.time)] },
    }, data, box);
    const known = lines.filter((line) => !line.quiet);
    const shownLines = known.length > 2 * MOST_READ ? averageLayers(known) : known;
    const spans = shownLines.map((line) => element("span", { style: { color: line.stroke } }));
    spans.forEach((span, i) => {
      const { group, which } = shownLines[i];
      if (group && (!i || shownLines[i - 1].group !== group)) values.append(element("span", { class: `swatch ${which}` }, group));
      values.append(span);
    });
    const read = (time) => {
      const clip = Math.min(count - 1, Math.floor(time / query.clip + 1e-6));
      spans.forEach((span, i) => { span.textContent = `${shownLines[i].label} ${showNumber(shownLines[i].values[clip], shownLines[i].digits)}${shownLines[i].unit || ""}`; });
    };
    readers.push(read);
    read(explorer.player.time);
    if (options.deaf) values.textContent = "no sound: nothing to let through";
    plots.push(plot);
  }

  /* One line per run, the mean of its layers: for networks with more layers than fit as numbers. */
  function averageLayers(lines) {
    return [...new Set(lines.map((line) => line.group))].map((group) => {
      const layers = lines.filter((line) => line.group === group);
      const values = layers[0].values.map((_, clip) => mean(layers.map((line) => line.values[clip])));
      return { ...layers[0], label: `mean of ${layers.length} layers`, values };
    });
  }

  const mean = (values) => {
    const known = values.filter((value) => value !== null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
  };

  function rangeOf(lines, options) {
    let low = Infinity, high = -Infinity;
    for (const line of lines) {
      if (lines.length > 1 && (line.fixed || line.own)) continue; // on scales of their own
      for (const value of line.values) {
        if (value === null) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (low > high) [low, high] = [0, 1];
    if (options.zero) { low = Math.min(0, low); high = Math.max(0, high); }
    const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 0.5;
    return () => [options.zero && low === 0 ? 0 : low - margin, high + margin];
  }

  /* Labelled moments, shaded in every panel. */
  function shade(plot, query) {
    const { ctx } = plot;
    ctx.save();
    ctx.globalCompositeOperation = "destination-over";
    ctx.fillStyle = colour("--relevant");
    for (const [begin, end] of query.windows) {
      const left = plot.valToPos(begin, "x", true), right = plot.valToPos(end, "x", true);
      ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
    }
    ctx.restore();
  }

  function addAxis(width) {
    const room = width - GUTTER - RIGHT, most = Math.max(2, Math.floor(room / 70));
    const steps = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
    const step = steps.find((one) => seconds / one <= most) || steps[steps.length - 1];
    const ticks = element("div", { class: "ticks" });
    for (let time = 0; time <= seconds + 1e-6; time += step) {
      ticks.append(element("span", { style: { left: `${(100 * time) / seconds}%` } }, showTime(time)));
    }
    stack.append(element("div", { class: "panel axis", "aria-hidden": "true" }, element("div", { class: "side" }), ticks));
  }

  function seekAt(event) {
    const box = stack.getBoundingClientRect();
    const share = (event.clientX - box.left - GUTTER) / (box.width - GUTTER - RIGHT);
    if (share >= 0 && share <= 1) explorer.player.seek(share * seconds);
  }

  function placePlayhead(time) {
    if (!playhead) return;
    playhead.style.left = `calc(${GUTTER}px + (100% - ${GUTTER + RIGHT}px) * ${Math.min(1, time / seconds)})`;
    playhead.firstChild.textContent = showTime(time);
    readers.forEach((read) => read(time));
  }

  function resize() {
    if (!stack) return;
    const width = Math.max(200, stack.clientWidth);
    plots.forEach((plot) => plot.setSize({ width: width - RIGHT, height: plot.height }));
  }

  function destroy() {
    plots.forEach((plot) => plot.destroy());
    plots = [];
    readers = [];
    if (stack) stack.remove();
    stack = playhead = null;
  }

  explorer.player.onTime(placePlayhead);
  return { draw, resize, destroy, colour, repaint() { colours = new Map(); } };
})();
