// The teacher's page: rows are hidden, ordered and counted; what they say is in the HTML already.
// All that is chosen is in the address after `#`, so that a teacher can come back to it.
"use strict";
(() => {
  const table = document.getElementById("class");
  const body = table.tBodies[0];
  const form = document.getElementById("filters");
  const query = document.getElementById("query");
  const check = document.getElementById("check");
  const shown = document.getElementById("shown");
  const clear = document.getElementById("clear");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const heads = [...table.tHead.rows[0].cells].filter((head) => head.dataset.sort);
  const labels = {};

  // Without accents and capitals: "makela" finds Mäkelä.
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => (text ? text.split(" ") : []);
  const rows = [...body.rows].map((row, place) => ({
    row,
    place,
    name: folded(row.cells[0].textContent),
    failed: words(row.dataset.failed),
    said: words(row.dataset.said),
  }));

  const nothing = () => ({
    q: "", status: [], check: "", said: "", tenth: "", late: false, override: false, sort: "", down: false,
  });
  let state = nothing();

  // ------------------------------------------------------------------ what is chosen, and the address

  function read() {
    const told = new URLSearchParams(location.hash.slice(1));
    state = nothing();
    for (const name of ["q", "check", "said", "tenth", "sort"]) state[name] = told.get(name) || "";
    state.status = (told.get("status") || "").split(",").filter(Boolean);
    for (const name of ["late", "override", "down"]) state[name] = told.get(name) === "1";
  }

  function write() {
    const told = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) {
      const text = value === true ? "1" : value === false ? "" : String(value);
      if (text) told.set(name, text);
    }
    try {
      history.replaceState(null, "", `#${told}`);
    } catch {
      // Some browsers take only so many in a second: the next one tells all of it again.
    }
  }

  // ------------------------------------------------------------------ which rows, in which order

  function fits(one, asked) {
    const { row } = one;
    return (
      asked.every((word) => one.name.includes(word)) &&
      (!state.status.length || state.status.includes(row.dataset.status)) &&
      (!state.check || one.failed.includes(state.check)) &&
      (!state.said || one.said.includes(state.said)) &&
      (!state.tenth || row.dataset.tenth === state.tenth) &&
      (!state.late || "late" in row.dataset) &&
      (!state.override || "override" in row.dataset)
    );
  }

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function order() {
    const head = heads.find((one) => one.dataset.key === state.sort);
    const values = new Map();
    if (head) {
      const numbers = head.dataset.sort === "number";
      for (const { row } of rows) {
        const cell = row.cells[head.cellIndex];
        const text = (cell.dataset.value ?? cell.textContent).trim();
        values.set(row, text === "" ? null : numbers ? Number(text) : text);
      }
      const compare = numbers ? (a, b) => a - b : collator.compare;
      rows.sort((one, other) => {
        const [a, b] = [values.get(one.row), values.get(other.row)];
        // What has no value comes last, whichever the direction.
        if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
        return (state.down ? compare(b, a) : compare(a, b)) || one.place - other.place;
      });
    } else {
      rows.sort((one, other) => one.place - other.place);
    }
    if (rows.some(({ row }, place) => body.rows[place] !== row)) body.append(...rows.map(({ row }) => row));
    for (const one of heads) {
      if (one === head) one.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else one.removeAttribute("aria-sort");
    }
  }

  function sentence(visible) {
    const chosen = [];
    const label = (kind) => labels[`${kind} ${state[kind]}`] || state[kind];
    if (state.q.trim()) chosen.push(`named “${state.q.trim()}”`);
    if (state.status.length) chosen.push(`status ${state.status.join(" or ")}`);
    if (state.check) chosen.push(`who failed “${label("check")}”`);
    if (state.said) chosen.push(`who were told “${label("said")}”`);
    if (state.tenth) chosen.push(`with ${label("tenth")} of the points`);
    if (state.late) chosen.push("late");
    if (state.override) chosen.push("graded by hand");
    const all = rows.length.toLocaleString("en");
    clear.hidden = !chosen.length;
    if (!chosen.length) return `All ${all} students are shown.`;
    return `${visible.toLocaleString("en")} of ${all} students: ${chosen.join(", ")}.`;
  }

  function show() {
    const asked = folded(state.q).split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const one of rows) {
      const fit = fits(one, asked);
      one.row.hidden = !fit;
      visible += fit;
    }
    const told = shown.querySelector("p");
    const text = sentence(visible);
    if (told.textContent !== text) told.textContent = text;
    if (query.value !== state.q) query.value = state.q;
    check.value = state.check;
    for (const box of boxes) {
      box.checked = box.name === "status" ? state.status.includes(box.value) : state[box.name];
    }
    for (const button of document.querySelectorAll("button[data-filter]")) {
      button.setAttribute("aria-pressed", String(chosen(button.dataset.filter, button.dataset.value)));
    }
  }

  function change(made) {
    Object.assign(state, made);
    write();
    if ("sort" in made) order();
    show();
  }

  // ------------------------------------------------------------------ what can be pressed

  const chosen = (kind, value) => (kind === "status" ? state.status.includes(value) : state[kind] === value);

  function choose(kind, value) {
    if (kind !== "status") return change({ [kind]: state[kind] === value ? "" : value });
    const others = state.status.filter((one) => one !== value);
    return change({ status: others.length < state.status.length ? others : [...others, value] });
  }

  function buttonOf(element, pressed) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...element.childNodes);
    button.addEventListener("click", pressed);
    element.append(button);
    return button;
  }

  for (const element of document.querySelectorAll("[data-filter]")) {
    const { filter, value, label } = element.dataset;
    if (label) labels[`${filter} ${value}`] = label;
    const button = buttonOf(element, () => choose(filter, value));
    button.dataset.filter = filter;
    button.dataset.value = value;
  }
  for (const head of heads) {
    const { key } = head.dataset;
    buttonOf(head, () => change({ sort: key, down: state.sort === key && !state.down }));
  }
  query.addEventListener("input", () => change({ q: query.value }));
  check.addEventListener("change", () => change({ check: check.value }));
  for (const box of boxes) {
    box.addEventListener("change", () => {
      if (box.name === "status") choose("status", box.value);
      else change({ [box.name]: box.checked });
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", () => {
    change({ ...nothing(), sort: state.sort, down: state.down });
    query.focus(); // the button is gone
  });
  // A jump within the page leaves what is chosen in the address.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    const target = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!target) return;
    event.preventDefault();
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  });
  window.addEventListener("hashchange", () => {
    read();
    order();
    show();
  });

  form.hidden = false;
  shown.hidden = false;
  read();
  order();
  show();
})();
