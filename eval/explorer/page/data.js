"use strict";
/* The page's data, and small functions that all of its parts use.

   Data files call explorer.study(...) once and explorer.query(...) once per query: a page from disk may load scripts,
   but may not read files. All text from data reaches the page as text nodes, never as markup. */
const explorer = (() => {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const DIGIT = new Int16Array(128);
  [...ALPHABET].forEach((character, digit) => { DIGIT[character.charCodeAt(0)] = digit; });
  const STEPS = 4094, GAP = 4095; // as in curves.py
  const loaded = new Map();
  const waiting = new Map();

  /* The values of a curve; null is a gap, which uPlot draws as one. */
  function unpack(curve) {
    const values = new Array(curve.codes.length / 2);
    const step = (curve.high - curve.low) / STEPS;
    for (let i = 0; i < values.length; i++) {
      const code = DIGIT[curve.codes.charCodeAt(2 * i)] * 64 + DIGIT[curve.codes.charCodeAt(2 * i + 1)];
      values[i] = code === GAP ? null : curve.low + code * step;
    }
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
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  function showTime(seconds) {
    const tenths = Math.round(Math.max(0, seconds) * 10);
    const whole = Math.floor(tenths / 10), hours = Math.floor(whole / 3600), rest = whole % 3600;
    const pad = (number) => String(number).padStart(2, "0");
    const text = hours ? `${hours}:${pad(Math.floor(rest / 60))}:${pad(rest % 60)}` : `${Math.floor(rest / 60)}:${pad(rest % 60)}`;
    return tenths % 10 ? `${text}.${tenths % 10}` : text;
  }

  const showNumber = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));

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
