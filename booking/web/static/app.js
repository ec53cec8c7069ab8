/* Seatgate's own script: the live map, the clock, the code's countdown. Every page works without it. */
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");
  const find = (selector, root = document) => root.querySelector(selector);
  const clock = find("[data-clock] b"), zone = clock && clock.parentNode.dataset.zone;
  const offline = (lost) => { const note = find("[data-offline]"); if (note) note.hidden = !lost; };

  /* --- the area page: seats are links; with script they change only the map and the booking beside it --- */
  // `wishing`: the reader's own request is under way. It brings a fresh map and replaces a refresh (hx-sync on #area);
  // a refresh never replaces it, or the page would fall back to the wish before.
  const LIVE = "&live=1", STALE = 300000;
  let stream = null, watched = "", waiting = 0, wishing = false, missed = false, loaded = Date.now();

  const load = (url, push) => htmx.ajax("GET", url, {
    source: "#area", target: "#area", select: "#area", swap: "outerMorph", push: push ? url : "false",
  });

  const refresh = () => {
    if (waiting) return;
    // spread over a second, so that a thousand open maps do not ask in the same instant
    waiting = setTimeout(() => {
      waiting = 0;
      const area = find("#area");
      missed = document.hidden;
      if (area && !wishing && !missed) load(area.dataset.fresh + LIVE, false);
    }, 150 + Math.random() * 850);
  };

  /* --- what the stream tells is drawn into the page as it stands; the wish in it stays the reader's --- */
  // `told` is what the stream has told since it was opened, as of `newest`: a page drawn before that, which comes after it,
  // is put right from here.
  let told = { held: new Map(), levels: null, newest: [0, 0] };
  const numbers = (version) => version.split("-").map(Number);
  const fill = (text, name, value) => text.replace(`{${name}}`, value);
  const inZone = (options, seconds) => new Intl.DateTimeFormat("en-CA", { timeZone: zone, ...options }).format(1000 * seconds);

  const moment = (seconds, words, today) => {
    const time = inZone({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, seconds);
    const day = inZone({ year: "numeric", month: "2-digit", day: "2-digit" }, seconds);
    if (day === today) return time;
    const chinese = document.documentElement.lang.startsWith("zh");
    const written = new Intl.DateTimeFormat(chinese ? "zh-CN" : "en-GB", { timeZone: zone, month: chinese ? "long" : "short", day: "numeric" });
    return `${words.days[day] || written.format(1000 * seconds)} ${time}`;
  };

  const wish = (area, now) => ({ start: area.dataset.start === "now" ? now - now % 60 : Number(area.dataset.start), end: Number(area.dataset.end) });

  const draw = (node, look, name, pick) => {
    const chip = node.dataset.chip !== undefined, kind = chip ? "chip" : "seat", id = chip ? node.dataset.chip : node.dataset.seat;
    const link = chip ? look !== "closed" && look !== "yours" : look === "free" || look === "chosen";
    node.setAttribute("class", `${kind} ${look}${node.classList.contains("other") ? " other" : ""}`);
    node.setAttribute("aria-label", name);
    if (look === "chosen") node.setAttribute("aria-current", "true"); else node.removeAttribute("aria-current");
    if (link) {
      node.setAttribute("href", `${pick}&seat=${encodeURIComponent(id)}#book`);
      ["role", "aria-disabled", "tabindex"].forEach((one) => node.removeAttribute(one));
    } else {
      node.setAttribute("role", "img");
      if (!chip) { node.setAttribute("aria-disabled", "true"); node.setAttribute("tabindex", "0"); } // first, or the focus would go
      node.removeAttribute("href");
    }
    const use = find("use", node), size = chip || look === "chosen" || look === "yours" ? 66 : 60;
    use.setAttribute("href", `#s-${look}`);
    for (const [attribute, value] of [["x", -size / 2], ["y", -size / 2], ["width", size], ["height", size]]) use.setAttribute(attribute, value);
    if (chip) return;
    find("title", node).textContent = name;
    const text = find("text", node);
    text.setAttribute("y", look === "free" ? 8 : 20);
    text.textContent = look === "closed" ? "" : node.id.slice("seat-".length);
  };

  const patchSeats = (area, held, now) => {
    const words = JSON.parse(area.dataset.words), wished = wish(area, now), today = inZone({ year: "numeric", month: "2-digit", day: "2-digit" }, now);
    let whole = true;
    for (const [id, stays] of held) {
      const node = find(`[data-seat="${CSS.escape(id)}"], [data-chip="${CSS.escape(id)}"]`, area);
      if (!node) { whole = false; continue; }
      const met = stays.find(([start, end]) => start < wished.end && (end === null || wished.start < end));
      const status = met ? met[2] : "free", asked = id === area.dataset.chosen;
      const look = met ? (id === area.dataset.yours ? "yours" : status) : (asked && node.getAttribute("aria-current") ? "chosen" : status);
      const parts = [fill(words.seat, "label", node.id.slice("seat-".length)), words.looks[look]];
      if (met && met[1] !== null) parts.push(fill(words.until, "time", moment(met[1], words, today)));
      if (node.dataset.note) parts.push(node.dataset.note);
      // what stands beside the map about this very seat is written by the server
      if (asked && (status === "free") !== (node.getAttribute("aria-current") === "true")) whole = false;
      draw(node, look, parts.join(words.join), area.dataset.pick);
      if (node.dataset.chip !== undefined) find("small", node).textContent = words.looks[look];
      if (node.dataset.chip !== undefined) find("svg", node).setAttribute("class", `seat ${look}`);
    }
    const free = [...area.querySelectorAll(".free[data-seat], .chosen[data-seat], .free[data-chip], .chosen[data-chip]")];
    area.querySelectorAll("[data-fitting]").forEach((node) => { node.textContent = free.filter((one) => !one.classList.contains("other")).length; });
    showFree(area, free.length);
    return whole;
  };

  const patchLevels = (area, levels, now) => {
    const list = find("[data-capacity]", area), words = JSON.parse(area.dataset.words), wished = wish(area, now);
    if (!list) return false;
    const capacity = Number(list.dataset.capacity);
    const free = (from, until) => Math.max(0, capacity - Math.max(0, ...levels.filter(([start, end]) => start < until && from < end).map((level) => level[2])));
    list.querySelectorAll("li").forEach((row) => {
      const left = free(Number(row.dataset.from), Number(row.dataset.until)), number = find("b", row);
      number.textContent = left || words.full;
      number.classList.toggle("full", !left);
      find(".used", row).setAttribute("width", (100 * (capacity - left) / capacity).toFixed(1));
    });
    showFree(area, free(wished.start, wished.end));
    return true;
  };

  const showFree = (area, free) => {
    area.querySelectorAll("[data-free]").forEach((node) => { node.textContent = free; });
    area.querySelectorAll("[data-when]").forEach((node) => { node.hidden = (node.dataset.when === "free") !== free > 0; });
  };

  const patch = (area, held, levels, at) => {
    const now = Math.floor(Date.parse(at) / 1000);
    if (!find("[data-seat], [data-chip], [data-capacity]", area)) return true; // closed on that day: nothing is drawn
    return levels ? patchLevels(area, levels, now) : patchSeats(area, held, now);
  };

  const take = (event) => {
    offline(false);
    const area = find("#area"), news = JSON.parse(event.data);
    if (!area || area.dataset.area !== news.area) return;
    const newest = numbers(news.version), held = news.seats.map((seat) => [seat.seat, seat.held]);
    const counts = numbers(area.dataset.version)[0] === newest[0];
    if (event.type === "snapshot") told.held.clear();
    held.forEach(([seat, stays]) => told.held.set(seat, stays));
    told.levels = news.levels || null;
    told.newest = newest;
    told.at = news.at;
    area.dataset.version = news.version;
    if (!counts || (!patch(area, held, news.levels, news.at) && !wishing)) refresh();
  };

  const catchUp = () => { // after a page came: was it drawn before what the stream has told meanwhile?
    const area = find("#area[data-live]");
    if (!area || !told.at) return;
    const [generation, n] = numbers(area.dataset.version);
    if (generation !== told.newest[0] || n >= told.newest[1]) return;
    area.dataset.version = told.newest.join("-");
    if (!patch(area, told.held, told.levels, told.at)) refresh();
  };

  const watch = () => {
    const area = find("#area[data-live]"), url = area ? area.dataset.live : "";
    if (url === watched) return;
    if (stream) stream.close();
    stream = null;
    watched = url;
    told = { held: new Map(), levels: null, newest: [0, 0] };
    if (!url) return;
    stream = new EventSource(`${url}?seen=${area.dataset.version}`);
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
  document.addEventListener("visibilitychange", () => {
    // the map itself was kept up to date, or will be as soon as the stream is back; the offered times were not
    if (!document.hidden && find("#area") && (missed || Date.now() - loaded > STALE)) refresh();
  });

  /* --- the clock runs on from the server's time --- */
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
  document.addEventListener("htmx:after:swap", () => { wishing = false; loaded = Date.now(); watch(); catchUp(); begin(); });
  document.addEventListener("htmx:response:error", () => { wishing = false; });
  document.addEventListener("htmx:error", () => { wishing = false; offline(true); });
  addEventListener("offline", () => offline(true));
  addEventListener("online", () => offline(false));
  watch();
  begin();
})();
