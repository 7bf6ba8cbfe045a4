// The teacher's page: rows are hidden, ordered and counted; what they say is in the HTML already.
// All that is chosen is in the address after `#`, so that a teacher can come back to it.
"use strict";
(() => {
  const WORDS = { full: "full marks", failed: "not passed", ungraded: "not graded" };
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
  const source = document.getElementById("rows");
  const more = document.getElementById("more");
  const rows = source ? unpacked(JSON.parse(source.textContent)) : [...body.rows].map((row, place) => ({
    row,
    place,
    name: folded(row.cells[0].textContent),
    status: row.dataset.status,
    tenth: row.dataset.tenth,
    late: "late" in row.dataset,
    override: "override" in row.dataset,
    failed: words(row.dataset.failed),
    said: words(row.dataset.said),
    value: (head) => {
      const cell = row.cells[head.cellIndex];
      return (cell.dataset.value ?? cell.textContent).trim();
    },
  }));

  // ------------------------------------------------------------------ the rows of a large class, which are data

  // So many are made at a time: what nobody looks at costs nothing.
  const STEP = 200;
  let most = STEP;

  function unpacked({ checks, rows: data }) {
    return data.map((told, place) => {
      const [
        name, status, score = null, tenth = null, marks = "", of = 0, seconds = null, beside = "", run = "",
        failed = [], said = "", notes = [], pairs = [], handed = "", when = "", late = 0, lateness = "", override = 0,
      ] = told;
      const passed = marks ? marks.split("p").length - 1 : "";
      const values = { student: name, status: WORDS[status] ?? status, score: score ?? "", checks: passed, seconds: seconds ?? "", handed, late };
      return {
        told: { name, status, score, marks, of, passed, seconds, beside, run, notes, pairs, when, lateness },
        place,
        name: folded(name),
        status,
        tenth: tenth === null ? undefined : String(tenth),
        late: Boolean(late),
        override: Boolean(override),
        failed: failed.map((one) => checks[one]),
        said: words(said),
        value: (head) => String(values[head.dataset.key]),
      };
    });
  }

  function made(tag, text, classes) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (classes) element.className = classes;
    return element;
  }

  // Names are of strangers: each stands by itself, whichever its direction, and nothing in it is markup.
  function link(address, name) {
    const around = address ? made("a") : made("bdi", name);
    if (address) {
      around.href = address;
      around.append(made("bdi", name));
    }
    return around;
  }

  const MARKS = { p: ["passed", "✓"], f: ["failed", "✗"], s: ["skipped", "–"], e: ["error", "!"] };

  const CELLS = {
    student: ({ beside, name }) => {
      const cell = made("th");
      cell.scope = "row";
      cell.append(link(beside && `${beside}/staff.html`, name));
      return cell;
    },
    status: ({ status }) => {
      const cell = made("td");
      cell.append(made("span", WORDS[status] ?? status, `status ${status}`));
      return cell;
    },
    score: ({ score }) => {
      const cell = made("td", "", "number");
      cell.append(score === null ? made("span", "–", "soft") : String(Number(score.toFixed(2))));
      return cell;
    },
    checks: ({ marks, of, passed }) => {
      const cell = made("td", "", "nowrap");
      if (!marks) return cell;
      const drawn = made("span", "", of > 8 ? "marks many" : "marks");
      drawn.setAttribute("aria-hidden", "true");
      drawn.append(...[...marks].map((one) => (one in MARKS ? made("i", MARKS[one][1], MARKS[one][0]) : made("i"))));
      cell.append(made("span", `${passed} of ${of}`, "of"), " ", drawn);
      return cell;
    },
    seconds: ({ seconds, run }) => {
      const cell = made("td", "", "number nowrap");
      if (run) cell.append(made("span", run, "ended"), " ");
      if (seconds !== null) cell.append(`${seconds.toFixed(1)} s`);
      return cell;
    },
    handed: ({ when }) => made("td", when, "nowrap"),
    late: ({ lateness }) => made("td", lateness, "number nowrap"),
  };

  function rowOf(one) {
    if (one.row) return one.row;
    const { told } = one;
    const row = document.createElement("tr");
    row.dataset.status = one.status;
    row.append(...heads.map((head) => CELLS[head.dataset.key](told)));
    const notes = made("td", "", "notes");
    notes.append(...told.notes.map((note) => made("p", note)));
    for (const [name, page] of told.pairs) {
      const note = made("p", "Similar to ");
      note.append(link(page, name));
      notes.append(note);
    }
    const own = made("td");
    if (told.beside) {
      const view = made("a", "student's view", "small");
      view.href = `${told.beside}/feedback.html`;
      view.setAttribute("aria-label", `student's view of ${told.name}`);
      own.append(view);
    }
    row.append(notes, own);
    one.row = row;
    return row;
  }

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
    return (
      asked.every((word) => one.name.includes(word)) &&
      (!state.status.length || state.status.includes(one.status)) &&
      (!state.check || one.failed.includes(state.check)) &&
      (!state.said || one.said.includes(state.said)) &&
      (!state.tenth || one.tenth === state.tenth) &&
      (!state.late || one.late) &&
      (!state.override || one.override)
    );
  }

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function order() {
    const head = heads.find((one) => one.dataset.key === state.sort);
    const values = new Map();
    if (head) {
      const numbers = head.dataset.sort === "number";
      for (const one of rows) {
        const text = one.value(head);
        values.set(one, text === "" ? null : numbers ? Number(text) : text);
      }
      const compare = numbers ? (a, b) => a - b : collator.compare;
      rows.sort((one, other) => {
        const [a, b] = [values.get(one), values.get(other)];
        // What has no value comes last, whichever the direction.
        if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
        return (state.down ? compare(b, a) : compare(a, b)) || one.place - other.place;
      });
    } else {
      rows.sort((one, other) => one.place - other.place);
    }
    if (!source && rows.some(({ row }, place) => body.rows[place] !== row)) body.append(...rows.map(({ row }) => row));
    for (const one of heads) {
      if (one === head) one.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else one.removeAttribute("aria-sort");
    }
  }

  function sentence(visible) {
    const chosen = [];
    const label = (kind) => labels[`${kind} ${state[kind]}`] || state[kind];
    if (state.q.trim()) chosen.push(`named “${state.q.trim()}”`);
    if (state.status.length) chosen.push(`status ${state.status.map((one) => WORDS[one] ?? one).join(" or ")}`);
    if (state.check) chosen.push(`who failed “${label("check")}”`);
    if (state.said) chosen.push(`who were told “${label("said")}”`);
    if (state.tenth) chosen.push(`with ${label("tenth")} of the points`);
    if (state.late) chosen.push("late");
    if (state.override) chosen.push("graded by hand");
    const all = rows.length.toLocaleString("en");
    clear.hidden = !chosen.length;
    shown.classList.toggle("chosen", Boolean(chosen.length));
    // That all are there is seen; it is said only to who cannot see it.
    shown.classList.toggle("unseen", !chosen.length && !(visible > most && source));
    shown.querySelector("a").hidden = !chosen.length;
    const first = visible > most && source ? ` The first ${most.toLocaleString("en")} are shown.` : "";
    if (!chosen.length && first) return `${all} students.${first}`;
    if (!chosen.length) return `All ${all} students are shown.`;
    return `${visible.toLocaleString("en")} of ${all} students: ${chosen.join(", ")}.${first}`;
  }

  function show() {
    const asked = folded(state.q).split(/\s+/).filter(Boolean);
    let visible = 0;
    if (source) {
      const fitting = rows.filter((one) => fits(one, asked));
      visible = fitting.length;
      body.replaceChildren(...fitting.slice(0, most).map(rowOf));
      more.hidden = visible <= most;
    } else {
      for (const one of rows) {
        const fit = fits(one, asked);
        one.row.hidden = !fit;
        visible += fit;
      }
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

  function change(asked) {
    Object.assign(state, asked);
    most = STEP;
    write();
    if ("sort" in asked) order();
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
  if (more) {
    more.addEventListener("click", () => {
      const shownNow = body.rows.length;
      most += STEP;
      show();
      body.rows[shownNow].querySelector("a, bdi").focus?.();
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
    most = STEP;
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
