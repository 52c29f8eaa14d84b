"use strict";
/* The page's data, and small functions that all of its parts use.

   Data files call explorer.study(...) once and explorer.query(...) once per query: a page from disk may load scripts,
   but may not read files. All text from data reaches the page as text nodes, never as markup. */
const explorer = (() => {
  // Packed numbers, as in curves.py.
  const BASE = 93, CODES = 896, STEPS = CODES - 2, GAP = CODES - 1;
  const DIGIT = new Int16Array(128);
  for (let code = 0x20, digit = 0; code < 0x7f; code++) {
    if (code !== 0x22 && code !== 0x5c) DIGIT[code] = digit++; // without " and \
  }
  const loaded = new Map();
  const waiting = new Map();

  /* The values of a curve; null is a gap, which uPlot draws as one. */
  function unpack([low, high, text]) {
    const values = [], step = (high - low) / STEPS;
    const digit = (place) => DIGIT[text.charCodeAt(place)];
    const add = (code) => values.push(code === GAP ? null : low + code * step);
    let place = 0;
    for (; place + 2 < text.length; place += 3) {
      const pair = (digit(place) * BASE + digit(place + 1)) * BASE + digit(place + 2);
      add(Math.floor(pair / CODES));
      add(pair % CODES);
    }
    if (place < text.length) add(digit(place) * BASE + digit(place + 1));
    return values;
  }

  /* Load one query; calls back with its object, or with null if its file is not there. */
  function load(index, done) {
    if (loaded.has(index)) return done(loaded.get(index));
    if (waiting.has(index)) return void waiting.get(index).push(done);
    waiting.set(index, [done]);
    const script = document.createElement("script");
    script.src = `data/queries/${String(index).padStart(5, "0")}.js`;
    script.onload = script.onerror = () => {
      script.remove();
      const callbacks = waiting.get(index);
      waiting.delete(index);
      callbacks.forEach((callback) => callback(loaded.get(index) || null));
    };
    document.head.append(script);
  }

  /* An element with attributes and children; strings become text. */
  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "class") made.className = value;
      else if (key === "style") Object.assign(made.style, value);
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return made;
  }

  function showTime(seconds) {
    const tenths = Math.round(Math.max(0, seconds) * 10);
    const whole = Math.floor(tenths / 10), hours = Math.floor(whole / 3600), rest = whole % 3600;
    const pad = (number) => String(number).padStart(2, "0");
    const text = hours ? `${hours}:${pad(Math.floor(rest / 60))}:${pad(rest % 60)}` : `${Math.floor(rest / 60)}:${pad(rest % 60)}`;
    return tenths % 10 ? `${text}.${tenths % 10}` : text;
  }

  /* A dash for what is unknown, and no minus before zero. */
  const showNumber = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1"));

  return {
    data: null,
    ready: [],
    study(data) {
      this.data = data;
      this.ready.forEach((start) => start(data));
    },
    query(index, query) { loaded.set(index, query); },
    load, unpack, element, showTime, showNumber,
  };
})();
