// Keeps the live parts of a page as the forge has them now. Without it, a reload does the same.
const EVERY_MS = 2000;

async function refresh() {
  if (document.hidden || document.activeElement?.closest("form")) return;
  const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const old = document.querySelectorAll("[data-live]");
  const now = page.querySelectorAll("[data-live]");
  if (old.length !== now.length) return location.reload();
  old.forEach((part, at) => {
    if (part.innerHTML === now[at].innerHTML && part.className === now[at].className) return;
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    part.replaceWith(now[at]);
    now[at].querySelectorAll("details").forEach((details, n) => (details.open = open[n] ?? details.open));
  });
  const tabs = page.querySelector(".tabs");
  if (tabs) document.querySelector(".tabs")?.replaceWith(tabs);
}

if (document.querySelector("[data-live]")) setInterval(() => refresh().catch(() => {}), EVERY_MS);
