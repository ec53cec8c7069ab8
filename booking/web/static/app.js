/* Seatgate's own script: the live map, the clock, the code's countdown. Every page works without it. */
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");
  const find = (selector, root = document) => root.querySelector(selector);
  const offline = (lost) => { const note = find("[data-offline]"); if (note) note.hidden = !lost; };

  /* --- the area page: seats are links; with script they change only the map and the booking beside it --- */
  // `wishing`: the reader's own request is under way. It brings a fresh map and replaces a refresh (hx-sync on #area);
  // a refresh never replaces it, or the page would fall back to the wish before.
  const LIVE = "&live=1";
  let stream = null, watched = "", waiting = 0, wishing = false;

  const load = (url, push) => htmx.ajax("GET", url, {
    source: "#area", target: "#area", select: "#area", swap: "outerMorph", push: push ? url : "false",
  });

  const refresh = () => {
    if (waiting) return;
    // spread over a second, so that a thousand open maps do not ask in the same instant
    waiting = setTimeout(() => {
      waiting = 0;
      const area = find("#area");
      if (area && !wishing && !document.hidden) load(area.dataset.fresh + LIVE, false);
    }, 150 + Math.random() * 850);
  };

  const take = (event) => {
    offline(false);
    const area = find("#area"), news = JSON.parse(event.data);
    if (!area || area.dataset.area !== news.area) return;
    if (news.version !== area.dataset.version) refresh();
    area.dataset.version = news.version;
  };

  const watch = () => {
    const area = find("#area[data-live]"), url = area ? area.dataset.live : "";
    if (url === watched) return;
    if (stream) stream.close();
    stream = null;
    watched = url;
    if (!url) return;
    stream = new EventSource(url);
    stream.addEventListener("snapshot", take);
    stream.addEventListener("change", take);
    stream.onerror = () => offline(true);
  };

  // until the page shows the newly wished time or seat, the button below it would still book the old one
  const hold = () => document.querySelectorAll("#book button").forEach((button) => { button.disabled = true; });
  document.addEventListener("change", (event) => { if (event.target.closest("#area form.when")) { wishing = true; hold(); } });
  document.addEventListener("submit", (event) => { if (event.target.closest("#area")) wishing = true; });
  document.addEventListener("click", (event) => {
    const link = event.target.closest ? event.target.closest("#area a[href]") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    wishing = true;
    const seat = link.closest("a[data-seat]");
    if (!seat) return;
    event.preventDefault();
    hold();
    load(seat.getAttribute("href").split("#")[0], true).then(() => { const back = find("#" + CSS.escape(seat.id)); if (back) back.focus({ preventScroll: true }); });
  });
  document.addEventListener("keydown", (event) => {
    const seat = event.target.closest ? event.target.closest("#area a[data-seat]") : null;
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!seat || !step) return;
    event.preventDefault();
    const from = seat.getBoundingClientRect();
    let best = null, least = Infinity;
    document.querySelectorAll("#area a[data-seat]").forEach((other) => {
      const to = other.getBoundingClientRect(), x = to.x - from.x, y = to.y - from.y;
      const along = x * step[0] + y * step[1], aside = Math.abs(x * step[1]) + Math.abs(y * step[0]);
      if (along > 4 && along + 3 * aside < least) { least = along + 3 * aside; best = other; }
    });
    if (best) best.focus();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && find("#area")) refresh(); });

  /* --- the clock runs on from the server's time --- */
  const clock = find("[data-clock] b"), zone = clock && clock.parentNode.dataset.zone;
  if (clock) {
    const ahead = Date.parse(clock.parentNode.dataset.clock) - Date.now();
    setInterval(() => {
      clock.textContent = new Date(Date.now() + ahead).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
    }, 5000);
  }

  /* --- signing in and out where the library has a range: the phone says where it is, once, as the form is sent --- */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-position]") || form.elements.lat.value) return;
    event.preventDefault();
    const button = find("button", form), failed = find("[data-position-failed]");
    const done = (lost) => { button.disabled = false; failed.hidden = !lost; };
    if (!navigator.geolocation) { done(true); return; }
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      done(false);
      form.elements.lat.value = coords.latitude;
      form.elements.lon.value = coords.longitude;
      form.elements.accuracy.value = coords.accuracy;
      form.submit();
    }, () => done(true), { enableHighAccuracy: true, timeout: 15000, maximumAge: 0 });
  });

  /* --- the reader's code: seconds left, then a fresh one while somebody looks --- */
  let ends = 0;
  const begin = () => {
    const left = find("[data-seconds]");
    ends = left ? performance.now() + 1000 * Number(left.dataset.seconds) : 0;
  };
  setInterval(() => {
    const left = find("[data-seconds] b");
    if (!ends || !left) return;
    const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    const minutes = find("[data-minutes]");
    left.textContent = minutes ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : seconds;
    if (seconds === 0 && !document.hidden) {
      ends = 0;
      const form = find("form[data-renew]");
      if (form) form.requestSubmit();
    }
  }, 250);

  document.addEventListener("htmx:before:swap", (event) => {
    if (wishing && event.detail.ctx.request.action.endsWith(LIVE)) event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", () => { wishing = false; watch(); begin(); });
  document.addEventListener("htmx:response:error", () => { wishing = false; });
  document.addEventListener("htmx:error", () => { wishing = false; offline(true); });
  addEventListener("offline", () => offline(true));
  addEventListener("online", () => offline(false));
  watch();
  begin();
})();
