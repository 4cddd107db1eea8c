/**
 * What the page does in the browser: it asks for the view, is answered when there is a newer one, and shows it. Open tables stay
 * open; while text is selected or the window is hidden, nothing is asked for. Who listens is told when the run stands otherwise.
 */
export const pageScript = `
const main = document.querySelector("main");
const said = document.getElementById("said");
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const once = (name) => new Promise((resolve) => document.addEventListener(name, resolve, { once: true }));
let have = "";
let failures = 0;

function show(text, title) {
  const open = [...main.querySelectorAll("details[open]")].map(({ id }) => id);
  const focused = document.activeElement?.closest("details")?.id;
  main.innerHTML = text;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus({ preventScroll: true });
  document.title = title;
  // The view is put in anew each second: only a change of how the run stands is worth saying aloud.
  const stands = main.querySelector(".standing")?.textContent.split(" ")[0] ?? "";
  if (said.textContent !== stands) said.textContent = stands;
}

function say(text) {
  main.querySelector(".lost")?.remove();
  if (text === "") return;
  const notice = document.createElement("p");
  notice.className = "notice lost";
  notice.setAttribute("role", "status");
  notice.textContent = text;
  main.prepend(notice);
}

for (let isOver = false; !isOver; ) {
  if (document.hidden) await once("visibilitychange");
  if (!getSelection().isCollapsed) await wait(500);
  else {
    try {
      const answer = await fetch("view?have=" + encodeURIComponent(have), { signal: AbortSignal.timeout(15000) });
      if (answer.status === 200) {
        const text = await answer.text();
        show(text, decodeURIComponent(answer.headers.get("x-title") ?? ""));
        have = answer.headers.get("x-version") ?? "";
        isOver = answer.headers.get("x-over") === "true";
      } else if (answer.status !== 204) throw new Error("status " + answer.status);
      if (failures > 0) say("");
      failures = 0;
    } catch {
      if (++failures === 2) say("No answer any more: the training has ended or was stopped. What is below is the last that was seen.");
      await wait(Math.min(5000, 500 * failures));
    }
  }
}
`;
