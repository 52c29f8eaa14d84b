"use strict";
/* The video of a query, and the time that all panels show: the player's, or, without a video that plays, our own. */
explorer.player = (() => {
  const { element } = explorer;
  // A frame is shown from its own time on. Seeking a little later keeps rounding from showing the one before.
  const NUDGE = 0.001;
  let video = null, start = 0, seconds = 0, now = 0, listeners = [], own = 0;

  /* Make the element for a video, or null if it cannot be played. `failed` is called if that turns out later. */
  function open(query, at, failed) {
    close();
    const media = query.media;
    seconds = query.seconds;
    start = media ? media.start : 0;
    now = Math.max(0, Math.min(at, seconds));
    if (!media || !media.url || !media.plays) return null;
    video = element("video", { controls: true, preload: "auto", playsinline: true, src: media.url, "aria-label": `Video ${query.vid}` });
    const mine = video;
    mine.addEventListener("loadedmetadata", () => { if (mine === video) mine.currentTime = now + start + NUDGE; });
    mine.addEventListener("error", () => { if (mine === video) { video = null; failed(); } });
    const follow = () => { if (mine === video) tell(mine.currentTime - start); };
    ["timeupdate", "seeked"].forEach((name) => mine.addEventListener(name, follow));
    if (mine.requestVideoFrameCallback) {
      const each = (_, frame) => {
        if (mine !== video) return;
        if (!mine.paused) tell(frame.mediaTime - start);
        mine.requestVideoFrameCallback(each);
      };
      mine.requestVideoFrameCallback(each);
    }
    return mine;
  }

  function close() {
    pauseOwn();
    if (video) {
      const old = video;
      video = null;
      old.pause();
      old.removeAttribute("src");
      old.load();
    }
  }

  function tell(time) {
    now = Math.max(0, Math.min(time, seconds));
    listeners.forEach((listener) => listener(now));
  }

  function seek(time) {
    time = Math.max(0, Math.min(time, seconds));
    if (video && video.readyState) video.currentTime = time + start + NUDGE;
    tell(time);
  }

  /* Play or pause. Without a video the time runs all the same, so that pictures and curves can be followed. */
  function toggle() {
    if (video) return video.paused ? void video.play().catch(() => {}) : video.pause();
    if (own) return pauseOwn();
    let before = performance.now();
    const step = (time) => {
      tell(now + (time - before) / 1000);
      before = time;
      own = now < seconds ? requestAnimationFrame(step) : 0;
    };
    own = requestAnimationFrame(step);
  }

  function pauseOwn() {
    cancelAnimationFrame(own);
    own = 0;
  }

  return {
    open, close, seek, toggle,
    play() { if (video) video.play().catch(() => {}); },
    step(amount) { seek(now + amount); },
    get time() { return now; },
    onTime(listener) { listeners.push(listener); },
  };
})();
